// SPDX-License-Identifier: GPL-2.0

//! What the module wraps of the kernel's C side.

/// Numbers that are read and written whole, without any order.
pub(crate) mod rwonce {
    use std::cell::Cell;
    use std::marker::PhantomData;

    use loom::sync::atomic::{fence, Ordering};

    use crate::word::Word;

    /// A number that fits into a word.
    pub(crate) trait Whole: Copy + TryInto<u64> + TryFrom<u64> {}

    impl Whole for u64 {}
    impl Whole for usize {}

    pub(crate) struct RwOnce<T>(Word, PhantomData<T>);

    impl<T: Whole> RwOnce<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Word::new(to_word(value)), PhantomData)
        }

        pub(crate) fn read(&self) -> T {
            let word = self.0.load(Ordering::Relaxed);
            word.try_into().unwrap_or_else(|_| unreachable!())
        }

        pub(crate) fn write(&self, value: T) {
            self.0.store(to_word(value), Ordering::Relaxed);
        }
    }

    impl RwOnce<u64> {
        pub(crate) fn increase(&self, by: u64) {
            self.write(self.read().wrapping_add(by));
        }
    }

    fn to_word<T: Whole>(value: T) -> u64 {
        value.try_into().unwrap_or_else(|_| unreachable!())
    }

    /// The two barriers.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Barrier {
        Read,
        Write,
    }

    thread_local! {
        /// The one that does nothing. Loom's threads are all one to the standard library.
        static MISSING: Cell<Option<Barrier>> = const { Cell::new(None) };
    }

    /// Takes a barrier away, for the rest of a test.
    pub(crate) fn take_away(barrier: Barrier) {
        MISSING.set(Some(barrier));
    }

    pub(crate) fn read_barrier() {
        if MISSING.get() != Some(Barrier::Read) {
            fence(Ordering::Acquire);
        }
    }

    pub(crate) fn write_barrier() {
        if MISSING.get() != Some(Barrier::Write) {
            fence(Ordering::Release);
        }
    }
}
