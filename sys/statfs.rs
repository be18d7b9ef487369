// SPDX-License-Identifier: GPL-2.0

//! How full the file systems at given paths are.
//!
//! C headers: [`include/linux/namei.h`](srctree/include/linux/namei.h),
//! [`include/linux/statfs.h`](srctree/include/linux/statfs.h),
//! [`include/linux/fs_struct.h`](srctree/include/linux/fs_struct.h)

use super::layout::{
    self,
    WordBuffer, //
};
use crate::model::{
    source::fs::{
        Usage,
        MAX_PATH,
        READ_ONLY, //
    },
    text::Text, //
};
use kernel::{
    bindings,
    error::to_result,
    prelude::*, //
};

/// `struct kstatfs`, of which `long` and `u64` fields are used.
type Statfs = WordBuffer<{ layout::KSTATFS_SIZE.div_ceil(size_of::<u64>()) }>;

// Behind the pointers of a path are structures that are empty on some kernels.
#[allow(improper_ctypes)]
extern "C" {
    /// See `include/linux/namei.h`; not in the kernel's bindings.
    fn kern_path(name: *const c_char, flags: c_uint, path: *mut bindings::path) -> c_int;

    /// See `include/linux/fs_struct.h`; not in the kernel's bindings.
    #[cfg(has_userspace_init_fs)]
    static userspace_init_fs: *mut bindings::fs_struct;
}

/// While this lives, the current thread looks up paths as the first process of user space does:
/// `scoped_with_init_fs()`.
#[cfg(has_userspace_init_fs)]
struct InitFs {
    own: *mut bindings::fs_struct,
    _not_send: kernel::types::NotThreadSafe,
}

#[cfg(has_userspace_init_fs)]
impl InitFs {
    fn borrow() -> Self {
        // SAFETY: `current` is the current thread, which alone changes and uses its `fs`; others
        // look at its `real_fs`. That of the first process is there before any module is, and for
        // good, since the global pointer has a reference to it.
        let own = unsafe {
            let fs = &raw mut (*bindings::get_current()).fs;
            let own = fs.read();
            fs.write_volatile(userspace_init_fs);
            own
        };
        Self {
            own,
            _not_send: kernel::types::NotThreadSafe,
        }
    }
}

#[cfg(has_userspace_init_fs)]
impl Drop for InitFs {
    fn drop(&mut self) {
        // SAFETY: As in `borrow`; this is the same thread.
        unsafe { (&raw mut (*bindings::get_current()).fs).write_volatile(self.own) };
    }
}

/// A path that was found. It keeps what is mounted there from being unmounted.
///
/// # Invariants
///
/// `self.0` is a path that `kern_path()` gave, with a reference to its mount and its entry.
struct FoundPath(bindings::path);

impl FoundPath {
    /// Looks a path up from the root of user space, and follows links. An automounter at its end
    /// is left alone.
    fn lookup(path: &CStr, flags: usize) -> Result<Self> {
        #[cfg(has_userspace_init_fs)]
        let _fs = InitFs::borrow();
        let mut found = bindings::path::default();
        let flags = (layout::LOOKUP_FOLLOW_FLAG | flags) as c_uint;
        // SAFETY: The path is a C string, and `found` a place that may be written.
        to_result(unsafe { kern_path(path.as_char_ptr(), flags, &mut found) })?;
        // INVARIANT: `kern_path()` has found it.
        Ok(Self(found))
    }

    /// Whether this is the root of what is mounted, not something in it.
    fn is_mounted(&self) -> bool {
        // SAFETY: By the type's invariant the mount is live; its root is constant.
        let root = unsafe { (*self.0.mnt).mnt_root };
        root == self.0.dentry
    }

    /// Asks the file system.
    fn usage(&self) -> Result<Usage> {
        let mut statfs = Statfs::zeroed();
        // SAFETY: By the type's invariant the path is live, and `statfs` is as large as what is
        // written there.
        to_result(unsafe { bindings::vfs_statfs(&self.0, (&raw mut statfs).cast()) })?;
        // SAFETY: By the type's invariant the mount is live, and with it the file system, whose
        // type's name is a constant C string.
        let kind = unsafe { CStr::from_char_ptr((*(*(*self.0.mnt).mnt_sb).s_type).name) };
        // `vfs_statfs()` sets it for a read-only mount and for a read-only file system.
        let is_read_only = statfs.at(layout::KSTATFS_FLAGS) & layout::ST_RDONLY_FLAG as u64 != 0;
        Ok(Usage {
            kind: Text::new(kind.to_bytes()),
            block_bytes: statfs.at(layout::KSTATFS_FRSIZE),
            blocks: statfs.at(layout::KSTATFS_BLOCKS),
            free: statfs.at(layout::KSTATFS_BFREE),
            available: statfs.at(layout::KSTATFS_BAVAIL),
            inodes: statfs.at(layout::KSTATFS_FILES),
            free_inodes: statfs.at(layout::KSTATFS_FFREE),
            flags: Some(if is_read_only { READ_ONLY } else { 0 }),
        })
    }
}

impl Drop for FoundPath {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant there is a reference to give back.
        unsafe { bindings::path_put(&self.0) };
    }
}

/// Asks the file system that is mounted at `path`, of at most [`MAX_PATH`] bytes; none when nothing
/// is.
///
/// The mount is held while it is asked, not longer.
///
/// # Context
///
/// Process context, may sleep; for as long as it takes when the file system does not answer.
///
/// # Errors
///
/// Those of the lookup, but for a path that does not exist, and those of `statfs()`.
pub(crate) fn usage(path: &[u8]) -> Result<Option<Usage>> {
    // With a slash at the end the kernel would have an automounter mount what it has.
    let path = match path.iter().rposition(|byte| *byte != b'/') {
        Some(last) => path.get(..=last).unwrap_or_default(),
        None => b"/",
    };
    let mut c_path = [0; MAX_PATH + 1];
    for (to, from) in c_path.iter_mut().zip(path.iter().take(MAX_PATH)) {
        *to = *from;
    }
    let c_path = CStr::from_bytes_until_nul(&c_path).map_err(|_| EINVAL)?;
    match ask(c_path, 0) {
        // What a server of files had under this name has changed: `retry_estale()`. The kernel
        // crate does not name this error everywhere.
        Err(error) if error.to_errno().unsigned_abs() == bindings::ESTALE => {
            ask(c_path, layout::LOOKUP_REVAL_FLAG)
        }
        asked => asked,
    }
}

fn ask(path: &CStr, flags: usize) -> Result<Option<Usage>> {
    match FoundPath::lookup(path, flags) {
        Ok(found) if found.is_mounted() => found.usage().map(Some),
        Ok(_) => Ok(None),
        Err(error) if error == ENOENT || error == ENOTDIR => Ok(None),
        Err(error) => Err(error),
    }
}
