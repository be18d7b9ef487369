// SPDX-License-Identifier: GPL-2.0

//! What a thread or a workqueue does for us.

/// Something to do whenever it is asked for.
pub(crate) trait Job: Send + Sync + 'static {
    /// Does the job.
    ///
    /// # Context
    ///
    /// Process context, may sleep. Never runs twice at once.
    fn run(&self);
}
