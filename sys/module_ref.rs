// SPDX-License-Identifier: GPL-2.0

//! References to this module, which keep it from being unloaded.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use kernel::bindings;

pub(super) const fn this_module() -> *mut bindings::module {
    (&raw const bindings::__this_module).cast_mut()
}

/// While this lives, the module is "in use", and `rmmod` says so instead of waiting.
///
/// # Invariants
///
/// The value stands for one reference to this module.
pub(crate) struct ModuleRef(());

impl ModuleRef {
    /// Takes a reference; none when the module is being unloaded already.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: This module is there while its code runs.
        let taken = unsafe { bindings::try_module_get(this_module()) };
        // INVARIANT: The reference was just taken.
        taken.then(|| Self(()))
    }
}

impl Drop for ModuleRef {
    /// Gives the reference back. Something else must keep this module's code from going away
    /// while the caller is in it: unloading waits for the end of a job, for instance.
    fn drop(&mut self) {
        // SAFETY: By the type's invariant there is a reference to give back.
        unsafe { bindings::module_put(this_module()) };
    }
}
