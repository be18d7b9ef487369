// SPDX-License-Identifier: GPL-2.0

//! `kernel::sync`.

use std::ops::{Deref, DerefMut};

use loom::sync::{Mutex as LoomMutex, MutexGuard};

use crate::prelude::{Flags, Result};

pub(crate) mod atomic {
    use std::marker::PhantomData;

    use crate::word::Word;

    pub(crate) mod ordering {
        use loom::sync::atomic::Ordering;

        pub(crate) trait Any {
            const ORDERING: Ordering;
        }

        macro_rules! orderings {
            ($($name:ident)*) => {
                $(pub(crate) struct $name;

                impl Any for $name {
                    const ORDERING: Ordering = Ordering::$name;
                })*
            };
        }

        orderings! { Acquire Relaxed Release }
    }

    pub(crate) struct Atomic<T>(Word, PhantomData<T>);

    impl Atomic<u64> {
        pub(crate) fn new(value: u64) -> Self {
            Self(Word::new(value), PhantomData)
        }

        pub(crate) fn load<O: ordering::Any>(&self, _ordering: O) -> u64 {
            self.0.load(O::ORDERING)
        }

        pub(crate) fn store<O: ordering::Any>(&self, value: u64, _ordering: O) {
            self.0.store(value, O::ORDERING);
        }
    }
}

/// A reference that is counted, which is not what is modelled.
pub(crate) struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn pin_init(value: T, _flags: Flags) -> Result<Self> {
        Ok(Self(std::sync::Arc::new(value)))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A lock of either kind: loom's threads do not differ in what they may wait for.
pub(crate) struct Mutex<T>(LoomMutex<T>);

pub(crate) type SpinLock<T> = Mutex<T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(LoomMutex::new(value))
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard {
            lock: self,
            held: Some(self.0.lock().unwrap()),
        }
    }
}

/// A lock that is held.
pub(crate) struct Guard<'a, T> {
    lock: &'a Mutex<T>,
    /// Nothing while its owner sleeps.
    held: Option<MutexGuard<'a, T>>,
}

impl<T> Guard<'_, T> {
    fn do_unlocked(&mut self, run: impl FnOnce()) {
        self.held = None;
        run();
        self.held = Some(self.lock.0.lock().unwrap());
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().unwrap()
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().unwrap()
    }
}

#[macro_export]
macro_rules! new_mutex {
    ($value:expr, $name:literal) => {
        $crate::sync::Mutex::new($value)
    };
}

#[macro_export]
macro_rules! new_spinlock {
    ($value:expr, $name:literal) => {
        $crate::sync::SpinLock::new($value)
    };
}

pub(crate) mod poll {
    use loom::thread::{self, Thread};

    use super::{Guard, Mutex};

    /// The kernel's wait queue, in its steps: who waits queues up, then lets go of the lock, then
    /// sleeps unless it was woken since.
    pub(crate) struct PollCondVar(Mutex<Vec<Thread>>);

    impl PollCondVar {
        pub(crate) fn new() -> Self {
            Self(Mutex::new(Vec::new()))
        }

        /// Queues up, as `prepare_to_wait()` and `poll_wait()` do.
        pub(crate) fn register_wait(&self) {
            self.0.lock().push(thread::current());
        }

        /// Leaves the queue, as `finish_wait()` does.
        pub(crate) fn unregister(&self) {
            let me = thread::current().id();
            self.0.lock().retain(|waiting| waiting.id() != me);
        }

        /// There are no signals.
        pub(crate) fn wait_interruptible<T>(&self, guard: &mut Guard<'_, T>) -> bool {
            self.register_wait();
            guard.do_unlocked(thread::park);
            self.unregister();
            false
        }

        pub(crate) fn notify_all(&self) {
            for waiting in self.0.lock().iter() {
                waiting.unpark();
            }
        }
    }

    #[macro_export]
    macro_rules! new_poll_condvar {
        ($name:literal) => {
            $crate::sync::poll::PollCondVar::new()
        };
    }
}
