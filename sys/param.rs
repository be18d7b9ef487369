// SPDX-License-Identifier: GPL-2.0

//! Module parameters that can be read and written at run time.
//!
//! Those of `module!` are not shown in sysfs, are set once, and refuse a bad value without naming
//! what is allowed. These are entries of the same `__param` section with operations of our own
//! (`sys/param_entry.rs`).
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

pub(crate) use super::param_entry::{
    choice_param,
    modinfo,
    number_param,
    switch_param,
    text_param, //
};
use super::{
    module_ref::this_module,
    rwonce::RwOnce, //
};
use crate::model::{
    line::Line,
    setting::{
        Choice,
        Number,
        Refused,
        Setting,
        Switch, //
    },
    text::Text, //
};
use core::{
    cell::UnsafeCell,
    ops::{
        Deref,
        DerefMut, //
    }, //
};
use kernel::{
    bindings,
    prelude::*,
    types::NotThreadSafe, //
};

#[cfg(not(CONFIG_SYSFS))]
compile_error!(
    "resource_monitor needs a kernel with CONFIG_SYSFS, without which parameters cannot be written \
     and have no lock"
);

/// Proof that this module's parameter lock is held.
///
/// # Invariants
///
/// While a value of this type exists, its thread holds the lock, and there is no other value.
pub(crate) struct ParamLock(NotThreadSafe);

/// Holds this module's parameter lock until it is dropped.
pub(crate) struct ParamLockGuard(ParamLock);

impl ParamLock {
    /// Takes the lock. While it is held, no parameter is read or written.
    ///
    /// # Context
    ///
    /// Process context, may sleep. Not within a parameter's `changed`, where the lock is held.
    pub(crate) fn acquire() -> ParamLockGuard {
        // SAFETY: This module is live while its code runs. The lock is a mutex in it.
        unsafe { bindings::kernel_param_lock(this_module()) };
        // INVARIANT: The lock was just taken.
        ParamLockGuard(ParamLock(NotThreadSafe))
    }
}

impl ParamLock {
    /// The lock that the caller holds.
    ///
    /// # Context
    ///
    /// Process context.
    ///
    /// # Safety
    ///
    /// This thread must hold the lock for as long as the value exists, and there must be no other
    /// value.
    pub(super) unsafe fn held() -> Self {
        // INVARIANT: By this function's contract.
        Self(NotThreadSafe)
    }
}

impl Drop for ParamLockGuard {
    fn drop(&mut self) {
        // SAFETY: By the invariant of `ParamLock` this thread holds the lock.
        unsafe { bindings::kernel_param_unlock(this_module()) };
    }
}

impl Deref for ParamLockGuard {
    type Target = ParamLock;

    fn deref(&self) -> &ParamLock {
        &self.0
    }
}

impl DerefMut for ParamLockGuard {
    fn deref_mut(&mut self) -> &mut ParamLock {
        &mut self.0
    }
}

/// A static value that only the holder of the parameter lock can reach.
pub(crate) struct ParamLocked<T>(UnsafeCell<T>);

// SAFETY: Reaching the value takes the one `ParamLock`, so there is one user at a time.
unsafe impl<T: Send> Sync for ParamLocked<T> {}

impl<T> ParamLocked<T> {
    /// Makes a value to be shared under the parameter lock.
    pub(crate) const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value, for as long as the lock is borrowed.
    pub(crate) fn get<'a>(&'a self, _lock: &'a mut ParamLock) -> &'a mut T {
        // SAFETY: There is one `ParamLock` at a time, and it is borrowed mutably for `'a`, so no
        // other reference to this value exists, nor to that of another `ParamLocked`.
        unsafe { &mut *self.0.get() }
    }
}

/// A parameter, as the kernel sees it.
pub(crate) trait Param: Sync {
    /// Sets the value from a text, or refuses it with one line in the log and changes nothing.
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result;

    /// Hands the value, as a text, to `show`.
    fn show(&self, lock: &mut ParamLock, show: &mut dyn FnMut(&[u8]));
}

/// Reads `text` as a value of `setting`, or says in the log why it is none.
fn parse<'a, S: Setting>(name: &str, setting: &S, text: &'a [u8]) -> Result<S::Value<'a>> {
    let value = setting.parse(text);
    value.map_err(|refused| refuse(name, setting, &refused))
}

/// Says in the log why a value is refused.
fn refuse<S: Setting>(name: &str, setting: &S, refused: &Refused<'_>) -> Error {
    let mut line = Line::new();
    refused.log(&mut line, name, setting);
    pr_err!("{}\n", line.as_str());
    EINVAL
}

/// A parameter that is a whole number.
pub(crate) struct NumberParam {
    name: &'static str,
    setting: Number,
    value: RwOnce<u32>,
    changed: fn(&mut ParamLock),
}

impl NumberParam {
    /// Makes a parameter. `changed` runs under the parameter lock, in process context, after each
    /// write of another value, those at load time included, which come before the module's `init`.
    pub(crate) const fn new(
        name: &'static str,
        setting: Number,
        default: u32,
        changed: fn(&mut ParamLock),
    ) -> Self {
        Self {
            name,
            setting,
            value: RwOnce::new(default),
            changed,
        }
    }

    /// The value in force.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn value(&self) -> u32 {
        self.value.read()
    }

    /// Sets the value, or refuses it with one line in the log and changes nothing.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it is out of range.
    pub(crate) fn set_number(&self, number: u64, lock: &mut ParamLock) -> Result {
        let Some(value) = self.setting.in_range(number) else {
            let mut text = Line::new();
            text.number(number);
            let refused = Refused::out_of_range(text.as_bytes());
            return Err(refuse(self.name, &self.setting, &refused));
        };
        self.change(value, lock);
        Ok(())
    }

    fn change(&self, value: u32, lock: &mut ParamLock) {
        // Tools that manage configuration write the same value again and again. That must not
        // restart the interval or the log each time.
        if value != self.value() {
            self.value.write(value);
            (self.changed)(lock);
        }
    }
}

impl Param for NumberParam {
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result {
        let value = parse(self.name, &self.setting, text)?;
        self.change(value, lock);
        Ok(())
    }

    fn show(&self, _lock: &mut ParamLock, show: &mut dyn FnMut(&[u8])) {
        let mut line = Line::new();
        line.number(u64::from(self.value()));
        show(line.as_bytes());
    }
}

/// A parameter that is on or off.
pub(crate) struct SwitchParam {
    name: &'static str,
    on: RwOnce<u32>,
}

impl SwitchParam {
    /// Makes a parameter.
    pub(crate) const fn new(name: &'static str, default: bool) -> Self {
        Self {
            name,
            on: RwOnce::new(default as u32),
        }
    }

    /// The parameter's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it is on.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn is_on(&self) -> bool {
        self.on.read() != 0
    }
}

impl Param for SwitchParam {
    fn set(&self, text: &[u8], _lock: &mut ParamLock) -> Result {
        self.on.write(u32::from(parse(self.name, &Switch, text)?));
        Ok(())
    }

    fn show(&self, _lock: &mut ParamLock, show: &mut dyn FnMut(&[u8])) {
        show(if self.is_on() { b"Y" } else { b"N" });
    }
}

/// A parameter that is one of some words.
pub(crate) struct ChoiceParam {
    name: &'static str,
    setting: Choice,
    /// The place of the word.
    value: RwOnce<u32>,
    changed: fn(&mut ParamLock),
}

impl ChoiceParam {
    /// Makes a parameter whose value is the first of `words` until another one is set. `changed` runs as
    /// that of a [`NumberParam`].
    pub(crate) const fn new(
        name: &'static str,
        words: &'static [&'static str],
        changed: fn(&mut ParamLock),
    ) -> Self {
        Self {
            name,
            setting: Choice { words },
            value: RwOnce::new(0),
            changed,
        }
    }

    /// Whether the value is this word.
    ///
    /// # Context
    ///
    /// Any context; takes no locks.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.word() == word
    }

    fn word(&self) -> &'static str {
        let words = self.setting.words;
        words.get(self.value.read() as usize).copied().unwrap_or("")
    }
}

impl Param for ChoiceParam {
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result {
        let value = parse(self.name, &self.setting, text)?;
        if value != self.value.read() {
            self.value.write(value);
            (self.changed)(lock);
        }
        Ok(())
    }

    fn show(&self, _lock: &mut ParamLock, show: &mut dyn FnMut(&[u8])) {
        show(self.word().as_bytes());
    }
}

/// A parameter that is a text of at most `MAX` bytes.
pub(crate) struct TextParam<S, const MAX: usize> {
    name: &'static str,
    setting: S,
    default: &'static str,
    /// What was set; empty as long as nothing was.
    text: ParamLocked<Text<MAX>>,
    changed: fn(&[u8], &mut ParamLock) -> Result,
}

impl<S, const MAX: usize> TextParam<S, MAX> {
    /// Makes a parameter. `changed` gets what is to be the value, under the parameter lock and in
    /// process context, also at load time, before the module's `init`. If it fails, so does the
    /// write, and the value stays. It also gets what is the value already, and leaves alone what
    /// stays.
    pub(crate) const fn new(
        name: &'static str,
        setting: S,
        default: &'static str,
        changed: fn(&[u8], &mut ParamLock) -> Result,
    ) -> Self {
        Self {
            name,
            setting,
            default,
            text: ParamLocked::new(Text::empty()),
            changed,
        }
    }

    /// The value in force.
    pub(crate) fn text<'a>(&'a self, lock: &'a mut ParamLock) -> &'a [u8] {
        match self.text.get(lock).as_bytes() {
            [] => self.default.as_bytes(),
            text => text,
        }
    }
}

impl<S: Setting + Sync, const MAX: usize> Param for TextParam<S, MAX> {
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result {
        parse(self.name, &self.setting, text)?;
        (self.changed)(text, lock)?;
        self.text.get(lock).set(text);
        Ok(())
    }

    fn show(&self, lock: &mut ParamLock, show: &mut dyn FnMut(&[u8])) {
        show(self.text(lock));
    }
}
