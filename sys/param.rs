// SPDX-License-Identifier: GPL-2.0

//! Module parameters that can be read and written at run time.
//!
//! Those of `module!` are not shown in sysfs, are set once, and refuse a bad value without naming
//! what is allowed. These are entries of the same `__param` section with operations of our own.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

use super::rwonce::RwOnce;
use crate::model::{
    line,
    setting::Setting, //
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
    prelude::*,
    types::NotThreadSafe, //
};

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

fn this_module() -> *mut bindings::module {
    (&raw const bindings::__this_module).cast_mut()
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
        // other reference to the value exists. (One static is reached at a time.)
        unsafe { &mut *self.0.get() }
    }
}

/// A parameter: a number with a range.
pub(crate) struct Param {
    setting: Setting,
    value: RwOnce<u32>,
    changed: fn(&mut ParamLock),
}

impl Param {
    /// Makes a parameter. `changed` runs under the parameter lock, in process context, after each
    /// write, those at load time included, which come before the module's `init`.
    pub(crate) const fn new(setting: Setting, default: u32, changed: fn(&mut ParamLock)) -> Self {
        Self {
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

    /// Sets the value from a text, or refuses it with one line in the log and changes nothing.
    fn set(&self, text: &[u8], lock: &mut ParamLock) -> Result {
        match self.setting.parse(text) {
            Ok(value) => {
                self.value.write(value);
                (self.changed)(lock);
                Ok(())
            }
            Err(why) => {
                pr_err!("{}\n", line::refusal(&self.setting, text, why).as_str());
                Err(EINVAL)
            }
        }
    }
}

/// The operations of every [`Param`].
pub(crate) static PARAM_OPS: bindings::kernel_param_ops = bindings::kernel_param_ops {
    // A parameter without `=` and value comes to `set` too, so that we can say what is wrong.
    flags: bindings::KERNEL_PARAM_OPS_FL_NOARG as c_uint,
    set: Some(set),
    get: Some(get),
    free: None,
};

/// # Safety
///
/// `entry` must be one that [`module_param!`] made.
unsafe fn param_of(entry: *const bindings::kernel_param) -> &'static Param {
    // SAFETY: The caller promises that `module_param!` made the entry; it sets `arg` to a static
    // `Param`.
    unsafe { &*(*entry).__bindgen_anon_1.arg.cast::<Param>() }
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
    // SAFETY: By this function's contract.
    let param = unsafe { param_of(entry) };
    // INVARIANT: `parse_one()` and `param_attr_store()` hold the parameter lock around this call.
    let mut lock = ParamLock(NotThreadSafe);
    match param.set(text, &mut lock) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// See `struct kernel_param_ops.get`.
///
/// # Safety
///
/// As the kernel calls it: `buffer` is a page, and `entry` is one that [`module_param!`] made.
unsafe extern "C" fn get(buffer: *mut c_char, entry: *const bindings::kernel_param) -> c_int {
    // SAFETY: By this function's contract.
    let param = unsafe { param_of(entry) };
    let text = line::value(param.value());
    let text = text.as_bytes();
    // SAFETY: By this function's contract there is room for a page, and a number is shorter.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), text.len()) };
    text.len() as c_int
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
            #[link_section = ".modinfo"]
            #[used(compiler)]
            static INFO: [u8; TEXT.len()] = $crate::sys::param::bytes_of(TEXT);
        };
    };
}

/// Defines a parameter: a static [`Param`], its entry for the kernel, and what `modinfo` shows.
macro_rules! module_param {
    (
        $(#[$doc:meta])*
        static $static:ident = $name:literal {
            description: $description:literal,
            unit: $unit:literal,
            range: $min:literal..=$max:literal,
            default: $default:literal,
            changed: $changed:expr $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::Param = $crate::sys::param::Param::new(
            $crate::model::setting::Setting {
                name: $name,
                unit: $unit,
                min: $min,
                max: $max,
            },
            $default,
            $changed,
        );

        $crate::sys::param::modinfo!("parmtype", concat!($name, ":uint"));
        $crate::sys::param::modinfo!(
            "parm",
            concat!(
                $name, ":", $description, ", ", $min, " to ", $max, " ", $unit, ", default ", $default
            )
        );

        const _: () = {
            #[link_section = "__param"]
            #[used(compiler)]
            static ENTRY: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new(::kernel::bindings::kernel_param {
                    name: ::core::ptr::from_ref(concat!($name, "\0")).cast(),
                    mod_: (&raw const ::kernel::bindings::__this_module).cast_mut(),
                    ops: &raw const $crate::sys::param::PARAM_OPS,
                    perm: 0o644,
                    level: -1,
                    flags: 0,
                    __bindgen_anon_1: ::kernel::bindings::kernel_param__bindgen_ty_1 {
                        arg: (&raw const $static).cast_mut().cast(),
                    },
                });
        };
    };
}

pub(crate) use {modinfo, module_param};
