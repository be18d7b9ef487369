// SPDX-License-Identifier: GPL-2.0

//! A device file that programs read from, wait on and send commands to.
//!
//! `kernel::miscdevice` has no `poll`, does not tell a read whether it may block, and up to 7.2
//! does not keep the module while a file is open.
//!
//! C headers: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h),
//! [`include/linux/fs.h`](srctree/include/linux/fs.h)

use super::module_ref::this_module;
use kernel::{
    bindings,
    error::to_result,
    fs::{
        file::{
            flags,
            LocalFile, //
        },
        File, //
    },
    prelude::*,
    sync::poll::{
        PollCondVar,
        PollTable, //
    },
    types::{
        ForeignOwnable,
        Opaque, //
    },
    uaccess::UserPtr, //
};

/// What a program can do without waiting.
pub(crate) struct Ready {
    /// A read returns something.
    pub(crate) to_read: bool,
    /// It will return something that cannot wait.
    pub(crate) is_urgent: bool,
}

/// What a device does. All of this runs in process context and may sleep; several threads may be
/// in calls with the same open file.
pub(crate) trait Device: Send + Sync + 'static {
    /// What belongs to an open file.
    type Open: Send + Sync + 'static;

    /// Opens the device.
    ///
    /// # Context
    ///
    /// Process context, may sleep. No other device of this kind, of the whole kernel, is opened
    /// meanwhile.
    fn open(&self) -> Result<Pin<KBox<Self::Open>>>;

    /// Reads up to `len` bytes, and waits for some if it `may_block`.
    fn read(open: &Self::Open, to: UserPtr, len: usize, may_block: bool) -> Result<usize>;

    /// What a program can do without waiting.
    fn poll(open: &Self::Open) -> Ready;

    /// Notified when that changes.
    fn changed(open: &Self::Open) -> &PollCondVar;

    /// Does what a program asks for. It `may_write` if the file is open for writing.
    fn ioctl(open: &Self::Open, command: u32, argument: UserPtr, may_write: bool) -> Result;
}

/// A device file that is there until this is dropped.
///
/// # Invariants
///
/// `misc` is registered, with the operations below.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub(crate) struct Registration<D: Device> {
    // The first field, so that a pointer to it is one to the whole.
    #[pin]
    misc: Opaque<bindings::miscdevice>,
    device: D,
}

// SAFETY: A device may be deregistered by another thread than that which registered it.
unsafe impl<D: Device> Send for Registration<D> {}
// SAFETY: Shared, there is only `device` to be reached, which is `Sync`.
unsafe impl<D: Device> Sync for Registration<D> {}

impl<D: Device> Registration<D> {
    /// Makes `/dev/NAME`, which belongs to root. From here on it can be opened.
    ///
    /// # Context
    ///
    /// Process context, may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no memory, `EBUSY` when there is no minor number left, `EEXIST` when
    /// there is a device of that name.
    pub(crate) fn new(name: &'static CStr, device: D) -> Result<Pin<KBox<Self>>> {
        KBox::try_pin_init(
            try_pin_init!(Self {
                // It can be opened before `misc_register()` returns, so this comes first.
                device,
                misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                    let mut misc: bindings::miscdevice = pin_init::zeroed();
                    misc.minor = bindings::MISC_DYNAMIC_MINOR as c_int;
                    misc.name = name.as_char_ptr();
                    misc.fops = const { &Self::OPERATIONS };
                    misc.mode = 0o600;
                    // SAFETY: The slot may be written to. It stays where it is, since it is
                    // pinned, until `drop` has deregistered it.
                    unsafe {
                        slot.write(misc);
                        to_result(bindings::misc_register(slot))
                    }
                }),
            }),
            GFP_KERNEL,
        )
    }

    const OPERATIONS: bindings::file_operations = bindings::file_operations {
        // While a file is open, the module stays.
        owner: this_module(),
        open: Some(Self::open),
        release: Some(Self::release),
        read: Some(Self::read),
        poll: Some(Self::poll),
        unlocked_ioctl: Some(Self::ioctl),
        // All arguments are the same for 32-bit programs.
        #[cfg(CONFIG_COMPAT)]
        compat_ioctl: bindings::compat_ptr_ioctl,
        ..pin_init::zeroed()
    };

    /// See `struct file_operations.open`.
    ///
    /// # Safety
    ///
    /// As the kernel calls it, for a file of this device.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `misc_open()` puts the `struct miscdevice` there, which is the first field of a
        // registration, and holds the lock that `misc_deregister()` takes.
        let registration = unsafe { &*(*file).private_data.cast::<Self>() };
        match registration.device.open() {
            Ok(open) => {
                // SAFETY: Nobody else has the file yet.
                unsafe { (*file).private_data = open.into_foreign() };
                // It is a stream: nobody can say where to read.
                // SAFETY: As the kernel's own drivers call it, in their `open`.
                unsafe { bindings::stream_open(inode, file) }
            }
            Err(error) => error.to_errno(),
        }
    }

    /// See `struct file_operations.release`.
    ///
    /// # Safety
    ///
    /// As the kernel calls it, for a file that [`Self::open`] has opened.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `open` has put it there, and nobody uses the file any more.
        drop(unsafe { Pin::<KBox<D::Open>>::from_foreign((*file).private_data) });
        0
    }

    /// What belongs to an open file.
    ///
    /// # Safety
    ///
    /// `file` must be one that [`Self::open`] has opened, and stay open for `'a`.
    unsafe fn of<'a>(file: *mut bindings::file) -> &'a D::Open {
        // SAFETY: By this function's contract: `open` has put it there, and it stays until
        // `release`.
        Pin::get_ref(unsafe { Pin::<KBox<D::Open>>::borrow((*file).private_data) })
    }

    /// See `struct file_operations.read`.
    ///
    /// # Safety
    ///
    /// As the kernel calls it, for a file that [`Self::open`] has opened.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        to: *mut c_char,
        len: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: The file is open during this call.
        let open = unsafe { Self::of(file) };
        // SAFETY: As above. `read(2)` may have the position of the file without its lock, since
        // this is a stream; it is the thread that runs this.
        let flags = unsafe { LocalFile::from_raw_file(file) }.flags();
        let may_block = flags & flags::O_NONBLOCK == 0;
        match D::read(open, UserPtr::from_ptr(to.cast()), len, may_block) {
            // No more than `len`, which the kernel has made sure is an `isize`.
            Ok(read) => read as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    /// See `struct file_operations.poll`.
    ///
    /// # Safety
    ///
    /// As the kernel calls it, for a file that [`Self::open`] has opened.
    unsafe extern "C" fn poll(
        file: *mut bindings::file,
        table: *mut bindings::poll_table_struct,
    ) -> bindings::__poll_t {
        // SAFETY: The file is open during this call.
        let open = unsafe { Self::of(file) };
        // SAFETY: The kernel passes a table or null.
        let table = unsafe { PollTable::from_raw(table) };
        // SAFETY: As above; `poll(2)` does not take the position of the file, nor is it used here.
        let file = unsafe { File::from_raw_file(file) };
        table.register_wait(file, D::changed(open));
        // What becomes ready after this look wakes the caller up.
        let Ready { to_read, is_urgent } = D::poll(open);
        let mut events = 0;
        if to_read {
            events |= bindings::POLLIN | bindings::POLLRDNORM;
        }
        if is_urgent {
            events |= bindings::POLLPRI;
        }
        events
    }

    /// See `struct file_operations.unlocked_ioctl`.
    ///
    /// # Safety
    ///
    /// As the kernel calls it, for a file that [`Self::open`] has opened.
    unsafe extern "C" fn ioctl(
        file: *mut bindings::file,
        command: c_uint,
        argument: c_ulong,
    ) -> c_long {
        // SAFETY: The file is open during this call.
        let open = unsafe { Self::of(file) };
        // SAFETY: As above; `ioctl(2)` does not take the position of the file.
        let flags = unsafe { File::from_raw_file(file) }.flags();
        let may_write = flags & flags::O_ACCMODE != flags::O_RDONLY;
        match D::ioctl(open, command, UserPtr::from_addr(argument), may_write) {
            Ok(()) => 0,
            Err(error) => error.to_errno() as c_long,
        }
    }
}

#[pinned_drop]
impl<D: Device> PinnedDrop for Registration<D> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type's invariant it is registered. No file is open, since one would keep
        // the module, unless unloading it was forced; nor can one be opened after this.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}
