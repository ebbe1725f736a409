//! Unsafe and foreign functions. They are measured like others, and stay as unsafe as they were.

#![deny(missing_docs, warnings, clippy::all, clippy::pedantic, rust_2018_idioms)]
#![allow(unsafe_code, clippy::needless_lifetimes, clippy::unused_async)] // what is tested here

use runtime_metrics::{Reading, metered, metrics, registry};
use std::ffi::{CStr, CString};
use std::future::Future;
use std::os::raw::c_char;

fn returned(action: &str) -> u64 {
    match registry().get("action_requests_total", &[("action", action), ("outcome", "ok")]) {
        Some(Reading::Counter(count)) => count,
        other => unreachable!("{:?}", (action, other)),
    }
}

#[metered]
unsafe fn with_block(pointer: *const u8) -> Option<u8> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { *pointer })
}

#[metered]
#[allow(unsafe_op_in_unsafe_fn)]
unsafe fn without_block<'a>(pointer: *mut u8, _of: &'a mut [u8]) -> &'a mut u8 {
    *pointer += 1;
    &mut *pointer
}

#[metered]
extern "C" fn foreign(number: i32) -> i32 {
    number + 1
}

#[metered]
unsafe extern "C" fn foreign_unsafe(text: *const c_char, mut times: usize) -> usize {
    times += 1;
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_bytes().len() * times
}

/// Has a name that the linker knows.
#[unsafe(no_mangle)]
#[metered]
pub extern "system" fn runtime_metrics_corpus_exported() -> u8 {
    1
}

#[metered]
async unsafe fn asynchronous(pointer: &'static u8) -> u8 {
    // SAFETY: a reference is a valid pointer.
    unsafe { *std::ptr::from_ref(pointer) }
}

#[metered]
#[allow(unsafe_op_in_unsafe_fn)]
async unsafe fn asynchronous_without_block(pointer: &'static u8) -> u8 {
    *std::ptr::from_ref(pointer)
}

/// Reads memory.
///
/// # Safety
///
/// `read` gives what is there.
unsafe trait Raw {
    unsafe fn read(&self) -> u8;

    #[metered]
    unsafe fn read_twice(&self) -> [u8; 2] {
        // SAFETY: the caller's promise.
        unsafe { [self.read(), self.read()] }
    }
}

struct Address(*const u8);

#[metrics(service = "Raw")]
unsafe impl Raw for Address {
    unsafe fn read(&self) -> u8 {
        // SAFETY: the caller's promise.
        unsafe { *self.0 }
    }
}

#[test]
fn unsafe_functions_are_counted() {
    let mut bytes = [1, 2];
    let pointer = bytes.as_mut_ptr();
    // SAFETY: the pointers are valid, or null where that is checked.
    unsafe {
        assert_eq!((with_block(pointer), with_block(std::ptr::null())), (Some(1), None));
        *without_block(pointer, &mut []) += 1;
        assert_eq!(bytes, [3, 2]);
        let address = Address(bytes.as_ptr());
        assert_eq!(address.read_twice(), [3, 3]);
    }
    assert_eq!((returned("with_block"), returned("without_block"), returned("read_twice")), (2, 1, 1));
    let read = [("service", "Raw"), ("action", "read"), ("outcome", "ok")];
    assert_eq!(registry().get("action_requests_total", &read), Some(Reading::Counter(2)));
}

#[test]
fn foreign_functions_stay_function_pointers() {
    let pointer: extern "C" fn(i32) -> i32 = foreign;
    assert_eq!((pointer(1), returned("foreign")), (2, 1));
    let pointer: unsafe extern "C" fn(*const c_char, usize) -> usize = foreign_unsafe;
    let text = CString::new("abc").unwrap_or_default();
    // SAFETY: the text ends in a zero.
    assert_eq!(unsafe { pointer(text.as_ptr(), 1) }, 6);
    assert_eq!((returned("foreign_unsafe"), runtime_metrics_corpus_exported()), (1, 1));
    assert_eq!(returned("runtime_metrics_corpus_exported"), 1);
}

#[test]
fn unsafe_async_functions_are_counted() {
    use std::task::{Context, Poll, Waker};

    let mut context = Context::from_waker(Waker::noop());
    // SAFETY: the references are valid.
    let (first, second) = unsafe { (asynchronous(&1), asynchronous_without_block(&2)) };
    assert_eq!(std::pin::pin!(first).poll(&mut context), Poll::Ready(1));
    assert_eq!(std::pin::pin!(second).poll(&mut context), Poll::Ready(2));
    assert_eq!((returned("asynchronous"), returned("asynchronous_without_block")), (1, 1));
}
