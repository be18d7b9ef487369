// SPDX-License-Identifier: GPL-2.0-or-later

//! Comma-separated values, whose columns are always the same.

use resmon::Sample;
use serde::Serialize;

use crate::error::{Error, Result};

use super::text::local_time;

/// Writes lines, the first one with the names of the columns.
#[derive(Debug, Default)]
pub struct Lines {
    has_header: bool,
}

impl Lines {
    pub fn line(&mut self, sample: &Sample) -> Result<Vec<u8>> {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(!std::mem::replace(&mut self.has_header, true))
            .from_writer(Vec::new());
        // Writing to memory does not fail.
        let failed = |error: &dyn std::error::Error| Error::Other(format!("no CSV: {error}"));
        let row = Row::of(sample);
        writer.serialize(row).map_err(|error| failed(&error))?;
        writer.into_inner().map_err(|error| failed(&error))
    }
}

macro_rules! row {
    (
        $sample:ident,
        now { $($now:ident: $now_type:ty = $now_value:expr,)* }
        $($source:ident $value:ident { $($column:ident: $type:ty = $of:expr,)* })*
        ; totals { $($total:ident = $sum:expr,)* }
    ) => {
        /// The columns, in this order. Those of a source are empty when it was not sampled.
        #[derive(Serialize)]
        struct Row {
            $($now: $now_type,)*
            $($($column: Option<$type>,)*)*
            $($total: Option<f64>,)*
        }

        impl Row {
            fn of($sample: &Sample) -> Self {
                $(let $source = source::$source($sample);)*
                Self {
                    $($now: $now_value,)*
                    $($($column: $source.map(|$value| $of),)*)*
                    $($total: $sum,)*
                }
            }
        }
    };
}

row! {
    sample,
    now {
        // With the offset from UTC, so that no hour comes twice.
        time: String = local_time(sample.time_s).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        time_s: f64 = sample.time_s,
        seq: u64 = sample.seq,
        elapsed_s: f64 = sample.elapsed_s,
        interval_s: f64 = sample.interval_s,
        late_s: f64 = sample.late_s,
        lost_records: u64 = sample.lost_records,
        late_samples: u64 = sample.late_samples,
        missed_ticks: u64 = sample.missed_ticks,
    }
    cpu cpu {
        cpu_user_percent: f64 = cpu.user_percent,
        cpu_nice_percent: f64 = cpu.nice_percent,
        cpu_system_percent: f64 = cpu.system_percent,
        cpu_idle_percent: f64 = cpu.idle_percent,
        cpu_iowait_percent: f64 = cpu.iowait_percent,
        cpu_irq_percent: f64 = cpu.irq_percent,
        cpu_softirq_percent: f64 = cpu.softirq_percent,
        cpu_steal_percent: f64 = cpu.steal_percent,
        cpu_guest_percent: f64 = cpu.guest_percent,
    }
    memory memory {
        memory_total_bytes: u64 = memory.total_bytes,
        memory_used_bytes: u64 = memory.used_bytes,
        memory_free_bytes: u64 = memory.free_bytes,
        memory_available_bytes: u64 = memory.available_bytes,
        memory_cached_bytes: u64 = memory.cached_bytes,
        memory_swap_cached_bytes: u64 = memory.swap_cached_bytes,
        memory_shmem_bytes: u64 = memory.shmem_bytes,
        memory_slab_reclaimable_bytes: u64 = memory.slab_reclaimable_bytes,
        memory_slab_unreclaimable_bytes: u64 = memory.slab_unreclaimable_bytes,
        memory_dirty_bytes: u64 = memory.dirty_bytes,
        memory_writeback_bytes: u64 = memory.writeback_bytes,
        memory_anon_bytes: u64 = memory.anon_bytes,
        memory_mapped_bytes: u64 = memory.mapped_bytes,
        memory_page_tables_bytes: u64 = memory.page_tables_bytes,
    }
    buffers bytes {
        memory_buffers_bytes: u64 = bytes,
    }
    swap swap {
        swap_free_bytes: u64 = swap.free_bytes,
    }
    swapped rates {
        swap_in_bytes_per_second: f64 = rates.0,
        swap_out_bytes_per_second: f64 = rates.1,
    }
    load load {
        load_one_minute: f64 = load.one_minute,
        load_five_minutes: f64 = load.five_minutes,
        load_fifteen_minutes: f64 = load.fifteen_minutes,
    }
    activity activity {
        faults_per_second: f64 = activity.faults_per_second,
        major_faults_per_second: f64 = activity.major_faults_per_second,
        paged_in_bytes_per_second: f64 = activity.paged_in_bytes_per_second,
        paged_out_bytes_per_second: f64 = activity.paged_out_bytes_per_second,
        interrupts_per_second: f64 = activity.interrupts_per_second,
        soft_interrupts_per_second: f64 = activity.soft_interrupts_per_second,
        oom_kills: u64 = activity.oom_kills,
    }
    pressure pressure {
        pressure_cpu_some_percent: f64 = pressure.cpu_some_percent,
        pressure_memory_some_percent: f64 = pressure.memory_some_percent,
        pressure_memory_full_percent: f64 = pressure.memory_full_percent,
        pressure_io_some_percent: f64 = pressure.io_some_percent,
        pressure_io_full_percent: f64 = pressure.io_full_percent,
    }
    ; totals {
        disk_reads_per_second = sample.disk_total(|disk| disk.reads_per_second),
        disk_writes_per_second = sample.disk_total(|disk| disk.writes_per_second),
        disk_discards_per_second = sample.disk_total(|disk| disk.discards_per_second),
        disk_read_bytes_per_second = sample.disk_total(|disk| disk.read_bytes_per_second),
        disk_written_bytes_per_second = sample.disk_total(|disk| disk.written_bytes_per_second),
        disk_discarded_bytes_per_second =
            sample.disk_total(|disk| disk.discarded_bytes_per_second),
        disk_in_flight = sample.disk_total(|disk| disk.in_flight as f64),
        net_received_bytes_per_second = sample.net_total(|net| net.received.bytes_per_second),
        net_received_packets_per_second =
            sample.net_total(|net| net.received.packets_per_second),
        net_received_errors_per_second = sample.net_total(|net| net.received.errors_per_second),
        net_received_drops_per_second = sample.net_total(|net| net.received.drops_per_second),
        net_transmitted_bytes_per_second =
            sample.net_total(|net| net.transmitted.bytes_per_second),
        net_transmitted_packets_per_second =
            sample.net_total(|net| net.transmitted.packets_per_second),
        net_transmitted_errors_per_second =
            sample.net_total(|net| net.transmitted.errors_per_second),
        net_transmitted_drops_per_second =
            sample.net_total(|net| net.transmitted.drops_per_second),
    }
}

/// What a sample has of each source.
mod source {
    use super::*;
    use resmon::{Activity, CpuTimes, Load, Memory, Pressure, Swap};

    pub fn cpu(sample: &Sample) -> Option<CpuTimes> {
        sample.cpu
    }

    pub fn memory(sample: &Sample) -> Option<Memory> {
        sample.memory
    }

    pub fn buffers(sample: &Sample) -> Option<u64> {
        sample.memory?.buffers_bytes
    }

    pub fn swap(sample: &Sample) -> Option<Swap> {
        sample.swap
    }

    pub fn swapped(sample: &Sample) -> Option<(f64, f64)> {
        let swap = sample.swap?;
        swap.in_bytes_per_second.zip(swap.out_bytes_per_second)
    }

    pub fn load(sample: &Sample) -> Option<Load> {
        sample.load
    }

    pub fn activity(sample: &Sample) -> Option<Activity> {
        sample.activity
    }

    pub fn pressure(sample: &Sample) -> Option<Pressure> {
        sample.pressure
    }
}
