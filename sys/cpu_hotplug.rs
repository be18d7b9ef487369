// SPDX-License-Identifier: GPL-2.0

//! Tells when a CPU has been offline, also when it came back between two samples.
//!
//! C header: [`include/linux/cpuhotplug.h`](srctree/include/linux/cpuhotplug.h)

use super::{
    cpu::{
        CpuNumber,
        MAX_CPUS, //
    },
    rwonce::RwOnce, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// The epoch of each CPU. The hotplug callback is told a CPU's number and nothing else, so this
/// cannot live in an allocation of ours.
static EPOCHS: [RwOnce<u32>; MAX_CPUS] = [const { RwOnce::new(0) }; MAX_CPUS];

/// Called when `cpu` has gone offline, before it can come back.
extern "C" fn gone_offline(cpu: c_uint) -> c_int {
    if let Some(epoch) = EPOCHS.get(cpu as usize) {
        // Hotplug operations are serialised, so nobody else writes.
        epoch.write(epoch.read().wrapping_add(1));
    }
    0
}

/// While this lives, [`CpuEpochs::of`] changes whenever a CPU has gone offline, after it has left
/// the online mask: what was sampled before is of the old epoch, what is sampled when it is back is
/// of the new one.
///
/// # Invariants
///
/// `self.state` is a hotplug state that [`CpuEpochs::watch`] set up.
pub(crate) struct CpuEpochs {
    state: bindings::cpuhp_state,
}

impl CpuEpochs {
    /// Starts watching.
    ///
    /// # Context
    ///
    /// Process context, may sleep: takes the CPU hotplug lock.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when the kernel has no hotplug state left for modules.
    pub(crate) fn watch() -> Result<Self> {
        // SAFETY: The name and the callback are static parts of this module, and `Drop` removes
        // the state before the module goes. Without `invoke` and a start-up callback nothing runs
        // now.
        let state = unsafe {
            bindings::__cpuhp_setup_state(
                bindings::cpuhp_state_CPUHP_BP_PREPARE_DYN,
                c"resource_monitor:prepare".as_char_ptr(),
                false,
                None,
                Some(gone_offline),
                false,
            )
        };
        to_result(state)?;
        // INVARIANT: For a dynamic state the kernel returns the one that it chose.
        Ok(Self {
            state: state as bindings::cpuhp_state,
        })
    }

    /// The CPU's epoch. What was counted in another epoch is no base for what is counted now. Of a
    /// CPU that [`super::cpu::online`] has handed out it is not that of a time before it came back.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn of(&self, cpu: CpuNumber) -> u32 {
        EPOCHS.get(cpu.id() as usize).map_or(0, RwOnce::read)
    }
}

impl Drop for CpuEpochs {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant the state is ours. The call waits for a hotplug
        // operation under way, so the callback does not run after it.
        unsafe { bindings::__cpuhp_remove_state(self.state, false) };
    }
}
