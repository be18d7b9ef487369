// SPDX-License-Identifier: GPL-2.0

//! Module parameters that can be read and written at run time.
//!
//! Those of `module!` are not shown in sysfs, are set once, and refuse a bad value without naming
//! what is allowed. These are entries of the same `__param` section with operations of our own.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use super::{
    module_ref::this_module,
    rwonce::RwOnce, //
};
use crate::model::{
    line::Line,
    setting::{
        Number,
        Paths,
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
    },
    ptr, //
};
use kernel::{
    bindings,
    page::PAGE_SIZE,
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

/// A parameter that is a list of paths.
pub(crate) struct PathsParam {
    name: &'static str,
    default: &'static str,
    /// What was set; empty as long as nothing was.
    text: ParamLocked<Text<{ Paths::MAX_TEXT }>>,
    changed: fn(&[u8], &mut ParamLock) -> Result,
}

impl PathsParam {
    /// Makes a parameter. `changed` gets what is to be the value, under the parameter lock and in
    /// process context, also at load time, before the module's `init`. If it fails, so does the
    /// write, and the value stays. It also gets what is the value already, and leaves alone what
    /// stays.
    pub(crate) const fn new(
        name: &'static str,
        default: &'static str,
        changed: fn(&[u8], &mut ParamLock) -> Result,
    ) -> Self {
        Self {
            name,
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

impl Param for PathsParam {
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result {
        let text = parse(self.name, &Paths, text)?;
        (self.changed)(text, lock)?;
        self.text.get(lock).set(text);
        Ok(())
    }

    fn show(&self, lock: &mut ParamLock, show: &mut dyn FnMut(&[u8])) {
        show(self.text(lock));
    }
}

/// The operations of every parameter but a [`SwitchParam`].
pub(crate) static PARAM_OPS: bindings::kernel_param_ops = bindings::kernel_param_ops {
    // A parameter without `=` and value comes to `set` too, so that we can say what is wrong.
    flags: bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint,
    set: Some(set),
    get: Some(get),
    free: None,
};

/// The operations of a [`SwitchParam`], of which the name alone is enough to switch it on.
pub(crate) static SWITCH_OPS: bindings::kernel_param_ops = bindings::kernel_param_ops {
    flags: bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint,
    set: Some(set_switch),
    get: Some(get),
    free: None,
};

/// What the `arg` of an entry points to.
pub(crate) struct ParamArg(pub(crate) &'static dyn Param);

/// # Safety
///
/// `entry` must be one that [`module_param!`] made.
unsafe fn param_of(entry: *const bindings::kernel_param) -> &'static dyn Param {
    // SAFETY: The caller promises that `module_param!` made the entry; it sets `arg` to a static
    // `ParamArg`.
    unsafe { &*(*entry).__bindgen_anon_1.arg.cast::<ParamArg>() }.0
}

/// See `struct kernel_param_ops.set`.
///
/// # Safety
///
/// As the kernel calls it: `value` is null or a C string, `entry` is one that [`module_param!`]
/// made, and the parameter lock is held.
unsafe extern "C" fn set(value: *const c_char, entry: *const bindings::kernel_param) -> c_int {
    let text: &[u8] = if value.is_null() {
        &[]
    } else {
        // SAFETY: By this function's contract; it lives during this call.
        unsafe { CStr::from_char_ptr(value) }.to_bytes()
    };
    // `echo` ends what it writes with a newline.
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    // SAFETY: By this function's contract.
    let param = unsafe { param_of(entry) };
    // INVARIANT: `parse_one()` and `param_attr_store()` hold the parameter lock around this call.
    let mut lock = ParamLock(NotThreadSafe);
    match param.set(text, &mut lock) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// See `struct kernel_param_ops.set`.
///
/// # Safety
///
/// As that of [`set`].
unsafe extern "C" fn set_switch(
    value: *const c_char,
    entry: *const bindings::kernel_param,
) -> c_int {
    let value = if value.is_null() {
        c"Y".as_char_ptr()
    } else {
        value
    };
    // SAFETY: By this function's contract.
    unsafe { set(value, entry) }
}

/// See `struct kernel_param_ops.get`.
///
/// # Safety
///
/// As the kernel calls it: `buffer` is a page, `entry` is one that [`module_param!`] made, and the
/// parameter lock is held.
unsafe extern "C" fn get(buffer: *mut c_char, entry: *const bindings::kernel_param) -> c_int {
    // The longest text, and a newline.
    const _: () = assert!(Paths::MAX_TEXT < PAGE_SIZE);

    // SAFETY: By this function's contract.
    let param = unsafe { param_of(entry) };
    // INVARIANT: `param_attr_show()` holds the parameter lock around this call.
    let mut lock = ParamLock(NotThreadSafe);
    let mut len = 0;
    param.show(&mut lock, &mut |text| {
        // SAFETY: By this function's contract there is room for a page, and each value is
        // shorter than that.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len());
            buffer.add(text.len()).cast::<u8>().write(b'\n');
        }
        len = text.len().saturating_add(1);
    });
    len as c_int
}

/// The bytes of `text`, for a section of the module's file.
pub(crate) const fn bytes_of<const LEN: usize>(text: &str) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    let mut at = 0;
    while at < LEN {
        bytes[at] = text.as_bytes()[at];
        at += 1;
    }
    bytes
}

/// Adds `key=value` to what `modinfo` shows. `value` is a literal.
macro_rules! modinfo {
    ($key:literal, $value:expr) => {
        const _: () = {
            const TEXT: &str = concat!($key, "=", $value, "\0");
            #[allow(unsafe_code)] // Of a section that holds texts, as this is.
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static INFO: [u8; TEXT.len()] = $crate::sys::param::bytes_of(TEXT);
        };
    };
}

/// Adds a parameter, a static, to those of the module: its entry for the kernel, and what `modinfo`
/// shows.
macro_rules! module_param {
    ($static:ident, $name:literal, $ops:ident, $mode:literal, $type:literal, $description:expr) => {
        $crate::sys::param::modinfo!("parmtype", concat!($name, ":", $type));
        $crate::sys::param::modinfo!("parm", concat!($name, ":", $description));

        const _: () = {
            static ARG: $crate::sys::param::ParamArg = $crate::sys::param::ParamArg(&$static);

            #[allow(unsafe_code)] // Of a section that holds what this is.
            #[link_section = "__param"]
            #[used(compiler)]
            static ENTRY: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new(::kernel::bindings::kernel_param {
                    name: ::core::ptr::from_ref(concat!($name, "\0")).cast(),
                    mod_: (&raw const ::kernel::bindings::__this_module).cast_mut(),
                    ops: &raw const $crate::sys::param::$ops,
                    perm: $mode,
                    level: -1,
                    flags: 0,
                    __bindgen_anon_1: ::kernel::bindings::kernel_param__bindgen_ty_1 {
                        arg: (&raw const ARG).cast_mut().cast(),
                    },
                });
        };
    };
}

/// Defines a parameter that is a whole number.
macro_rules! number_param {
    (
        $(#[$doc:meta])*
        static $static:ident = $name:literal {
            description: $description:literal,
            unit: $unit:literal,
            range: $min:literal..=$max:literal,
            default: $default:literal,
            mode: $mode:literal,
            changed: $changed:expr $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::NumberParam =
            $crate::sys::param::NumberParam::new(
                $name,
                $crate::model::setting::Number {
                    unit: $unit,
                    min: $min,
                    max: $max,
                },
                $default,
                $changed,
            );

        $crate::sys::param::module_param!(
            $static,
            $name,
            PARAM_OPS,
            $mode,
            "uint",
            concat!($description, ", ", $min, " to ", $max, " ", $unit, ", default ", $default)
        );
    };
}

/// Defines a parameter that is on unless it is switched off.
macro_rules! switch_param {
    (
        $(#[$doc:meta])*
        static $static:ident = $name:literal {
            description: $description:literal $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::SwitchParam =
            $crate::sys::param::SwitchParam::new($name, true);

        $crate::sys::param::module_param!(
            $static,
            $name,
            SWITCH_OPS,
            0o644,
            "bool",
            concat!($description, ", default Y")
        );
    };
}

/// Defines a parameter that is a list of paths.
macro_rules! paths_param {
    (
        $(#[$doc:meta])*
        static $static:ident = $name:literal {
            description: $description:literal,
            default: $default:literal,
            changed: $changed:expr $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::PathsParam =
            $crate::sys::param::PathsParam::new($name, $default, $changed);

        $crate::sys::param::module_param!(
            $static,
            $name,
            PARAM_OPS,
            0o644,
            "string",
            concat!($description, ", default ", $default)
        );
    };
}

pub(crate) use {modinfo, module_param, number_param, paths_param, switch_param};
