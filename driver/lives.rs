// SPDX-License-Identifier: GPL-2.0

//! What is known of the lives whose records are kept: this one, and, where the history outlives the machine, those
//! before it.

use super::{
    blocks::Blocks,
    history::History,
    life::Life,
    life_table::LifeTable, //
};
use crate::{
    model::{
        ioctl::{
            self,
            PANIC,
            POWER_OFF,
            RESTART,
            RUNS,
            UNKNOWN,
            UNLOADED, //
        },
        record::{
            TAKEN_BOOT_AT,
            TAKEN_WALL_AT, //
        },
        text::Text, //
    },
    sys::{
        clock,
        reboot::{
            Reboot,
            RebootHandler, //
        },
        utsname, //
    }, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::ordering::Acquire,
        Arc, //
    }, //
};

/// The lives.
pub(crate) struct Lives {
    life: Life,
    begin_boot_ns: u64,
    kernel: Text<{ ioctl::MAX_RELEASE }>,
    history: Arc<History>,
    /// None where the history ends with this life.
    table: Option<LifeTable>,
}

impl Lives {
    /// Begins the life of this load of the module, and notes it in `table`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory.
    pub(super) fn begin(
        life: Life,
        history: Arc<History>,
        table: Option<LifeTable>,
    ) -> Result<Arc<Self>> {
        let mut kernel = Text::empty();
        utsname::release(|byte| kernel.push(byte));
        let (wall_ns, boot_ns) = clock::wall_and_boot_fast_ns();
        if let Some(table) = &table {
            table.begin(life, kernel, boot_ns, wall_ns.saturating_sub(boot_ns));
        }
        Ok(Arc::new(
            Self {
                life,
                begin_boot_ns: boot_ns,
                kernel,
                history,
                table,
            },
            GFP_KERNEL,
        )?)
    }

    /// Notes by the words of a sample how wall clock and `CLOCK_BOOTTIME` go together.
    ///
    /// # Context
    ///
    /// Process context.
    pub(super) fn note_clock(&self, sample: &[u64]) {
        if let Some(table) = &self.table {
            let word = |at| sample.get(at).copied().unwrap_or(0);
            table.note_clock(word(TAKEN_WALL_AT).saturating_sub(word(TAKEN_BOOT_AT)));
        }
    }

    /// Notes that the module is unloaded.
    ///
    /// # Context
    ///
    /// Process context.
    pub(super) fn note_unload(&self) {
        if let Some(table) = &self.table {
            table.note_end(UNLOADED);
        }
    }

    /// Notes that the kernel panics.
    ///
    /// # Context
    ///
    /// Any context, NMI included; takes no locks. Everything else was stopped for good.
    pub(super) fn note_panic(&self) {
        if let Some(table) = &self.table {
            table.note_last_end(PANIC);
        }
    }

    /// The life of this place, the oldest being that of 0; none past the last.
    ///
    /// # Context
    ///
    /// Process context.
    pub(super) fn get(&self, index: u64) -> Option<ioctl::Life> {
        let mut before = 0u64;
        let mut found = None;
        self.history.blocks().each_earlier_life(|row| {
            if before == index {
                found = Some(*row);
            }
            before = before.saturating_add(1);
        });
        match found {
            Some(row) => Some(self.earlier(index, &row)),
            None => (index == before).then(|| self.running(index)),
        }
    }

    /// Erases the records of other boots, and what is known of their lives.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    pub(super) fn forget(&self) {
        if let Some(table) = &self.table {
            self.history.blocks().forget();
            table.forget(self.life.boot_id);
        }
    }

    fn running(&self, index: u64) -> ioctl::Life {
        let (wall_ns, boot_ns) = clock::wall_and_boot_fast_ns();
        let (block_records, _) = self.history.blocks().totals();
        ioctl::Life {
            index,
            boot_id: self.life.boot_id,
            load_id: self.life.load_id,
            kernel: self.kernel,
            begin_boot_ns: self.begin_boot_ns,
            wall_ahead_ns: wall_ns.saturating_sub(boot_ns),
            ended: RUNS,
            end_boot_ns: 0,
            records: block_records.saturating_add(self.history.plain_records()),
        }
    }

    fn earlier(&self, index: u64, row: &Row) -> ioctl::Life {
        let of_records = ioctl::Life {
            index,
            boot_id: row.life.boot_id,
            load_id: row.life.load_id,
            begin_boot_ns: row.first_boot_ns,
            ended: UNKNOWN,
            end_boot_ns: row.last_boot_ns,
            records: row.records,
            ..ioctl::Life::default()
        };
        let noted = self.table.as_ref().and_then(|table| table.find(row.life));
        let Some((life, state)) = noted else {
            return of_records;
        };
        let known = ioctl::Life {
            kernel: life.kernel,
            begin_boot_ns: life.begin_boot_ns,
            wall_ahead_ns: state.wall_ahead_ns,
            ..of_records
        };
        match state.ended {
            RUNS => known,
            ended => ioctl::Life {
                ended,
                end_boot_ns: state.end_boot_ns,
                ..known
            },
        }
    }
}

/// Notes how the boot ends.
pub(super) struct EndOfBoot(pub(super) Arc<Lives>);

impl RebootHandler for EndOfBoot {
    fn run(&self, reboot: Reboot) {
        if let Some(table) = &self.0.table {
            table.note_end(match reboot {
                Reboot::Restart => RESTART,
                Reboot::PowerOff => POWER_OFF,
            });
        }
    }
}

/// What blocks of one life, which follow one another, say together.
#[derive(Clone, Copy)]
pub(super) struct Row {
    life: Life,
    records: u64,
    first_boot_ns: u64,
    last_boot_ns: u64,
}

impl Blocks {
    /// Calls `take` with each life before this one that has blocks, from the oldest on.
    fn each_earlier_life(&self, mut take: impl FnMut(&Row)) {
        let Some(newest) = self.open_header() else {
            return;
        };
        let first = self.oldest.load(Acquire);
        let end = newest
            .number
            .saturating_add(1)
            .min(self.oldest_own_number());
        let mut row: Option<Row> = None;
        for number in first..end {
            let Ok(Some(header)) = self.header(number, &newest) else {
                continue;
            };
            let life = Life {
                boot_id: header.boot_id,
                load_id: header.load_id,
            };
            match &mut row {
                Some(row) if row.life == life => {
                    row.records = row.records.saturating_add(header.records);
                    row.last_boot_ns = header.last_boot_ns;
                    continue;
                }
                Some(row) => take(row),
                None => (),
            }
            row = Some(Row {
                life,
                records: header.records,
                first_boot_ns: header.first_boot_ns,
                last_boot_ns: header.last_boot_ns,
            });
        }
        row.iter().for_each(take);
    }
}
