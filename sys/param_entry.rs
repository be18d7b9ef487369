// SPDX-License-Identifier: GPL-2.0

//! Parameters as the kernel sees them: entries of the sections `__param` and `.modinfo`.
//!
//! C header: [`include/linux/moduleparam.h`](srctree/include/linux/moduleparam.h)

#[cfg(doc)]
use super::param::SwitchParam;
use super::param::{
    Param,
    ParamLock, //
};
use crate::model::{
    event::rules::Alerts,
    setting::Paths, //
};
use core::ptr;
use kernel::{
    bindings,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The operations of every parameter except a [`SwitchParam`].
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
    // SAFETY: `parse_one()` and `param_attr_store()` hold the parameter lock around this call.
    let mut lock = unsafe { ParamLock::held() };
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
    const _: () = assert!(Paths::MAX_TEXT < PAGE_SIZE && Alerts::MAX_TEXT < PAGE_SIZE);

    // SAFETY: By this function's contract.
    let param = unsafe { param_of(entry) };
    // SAFETY: `param_attr_show()` holds the parameter lock around this call.
    let mut lock = unsafe { ParamLock::held() };
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
            static INFO: [u8; TEXT.len()] = $crate::sys::param_entry::bytes_of(TEXT);
        };
    };
}

/// Adds a parameter, a static, to those of the module: its entry for the kernel, and what `modinfo`
/// shows.
macro_rules! module_param {
    ($static:ident, $name:literal, $ops:ident, $mode:literal, $type:literal, $description:expr) => {
        $crate::sys::param_entry::modinfo!("parmtype", concat!($name, ":", $type));
        $crate::sys::param_entry::modinfo!("parm", concat!($name, ":", $description));

        const _: () = {
            static ARG: $crate::sys::param_entry::ParamArg =
                $crate::sys::param_entry::ParamArg(&$static);

            #[allow(unsafe_code)] // Of a section that holds what this is.
            #[link_section = "__param"]
            #[used(compiler)]
            static ENTRY: ::kernel::module_param::KernelParam =
                ::kernel::module_param::KernelParam::new(::kernel::bindings::kernel_param {
                    name: ::core::ptr::from_ref(concat!($name, "\0")).cast(),
                    mod_: (&raw const ::kernel::bindings::__this_module).cast_mut(),
                    ops: &raw const $crate::sys::param_entry::$ops,
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

        $crate::sys::param_entry::module_param!(
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

        $crate::sys::param_entry::module_param!(
            $static,
            $name,
            SWITCH_OPS,
            0o644,
            "bool",
            concat!($description, ", default Y")
        );
    };
}

/// Defines a parameter that is one of some words, the first of them unless it is set.
macro_rules! choice_param {
    (
        $(#[$doc:meta])*
        static $static:ident = $name:literal {
            description: $description:literal,
            words: [$first:literal $(, $word:literal)*],
            changed: $changed:expr $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::ChoiceParam =
            $crate::sys::param::ChoiceParam::new($name, &[$first $(, $word)*], $changed);

        $crate::sys::param_entry::module_param!(
            $static,
            $name,
            PARAM_OPS,
            0o644,
            "string",
            concat!($description, ", ", $first $(, " or ", $word)*, ", default ", $first)
        );
    };
}

/// Defines a parameter that is a text, which a setting says more of.
macro_rules! text_param {
    (
        $(#[$doc:meta])*
        static $static:ident: $setting:ident = $name:literal {
            description: $description:literal,
            default: $default:literal,
            changed: $changed:expr $(,)?
        }
    ) => {
        $(#[$doc])*
        pub(crate) static $static: $crate::sys::param::TextParam<$setting, { $setting::MAX_TEXT }> =
            $crate::sys::param::TextParam::new($name, $setting, $default, $changed);

        $crate::sys::param_entry::module_param!(
            $static,
            $name,
            PARAM_OPS,
            0o644,
            "string",
            $description
        );
    };
}

pub(crate) use {choice_param, modinfo, module_param, number_param, switch_param, text_param};
