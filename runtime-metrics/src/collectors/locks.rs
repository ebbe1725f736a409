//! Locks, and who waits for them.
//!
//! [`Mutex`] and [`RwLock`] are the standard library's, with a name. As long as nobody has to wait they
//! cost what those cost; a caller that has to is counted and timed, under the label `lock`:
//!
//! * `sync.lock.waiting`: callers that wait now. Staying above zero: the lock is held for too long, or for ever.
//! * `sync.lock.waited`: the time that callers have waited, in seconds, also those that still do. Its rate is
//!   how many wait on average; from 0.2 on the [health report](crate::health()) names the lock.
//! * `sync.lock.wait_time`: how long each of them waited, as a histogram.
//!
//! They exist from the first caller that waits. For locks of other crates there is [`Waits`].
//!
//! ```
//! use runtime_metrics::collectors::locks::Mutex;
//!
//! static ORDERS: Mutex<Vec<u32>> = Mutex::new("orders", Vec::new());
//!
//! ORDERS.lock().unwrap().push(7);
//! assert_eq!(*ORDERS.lock().unwrap(), [7]);
//! ```

use super::found::Found;
use crate::collect::{self, MetricCollector};
use crate::lock;
use crate::metric::Histogram;
use crate::protocol::RuntimeMetric;
use std::fmt;
use std::ops::Deref;
use std::sync::{self, Arc, LazyLock, LockResult, MutexGuard, Once, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

/// Who waits for the locks of one name: to be asked for where a lock is not one of [these](self).
///
/// ```
/// use runtime_metrics::collectors::locks::Waits;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (sessions, waits) = (tokio::sync::Mutex::new(0), Waits::of("sessions"));
/// let guard = match sessions.try_lock() {
///     Ok(guard) => guard,
///     Err(_) => {
///         let _waiting = waits.begin();
///         sessions.lock().await
///     }
/// };
/// # drop(guard);
/// # });
/// ```
#[derive(Clone)]
pub struct Waits(Arc<Inner>);

struct Inner {
    name: Box<str>,
    times: Histogram,
    now: lock::Mutex<Now>,
}

/// Those who wait and those who did, as numbers that give the time of all of them at any moment.
#[derive(Clone, Copy, Default)]
struct Now {
    waiting: u32,
    /// When those who wait began to, added up.
    began: Duration,
    /// How long those waited who no longer do.
    over: Duration,
}

/// What points in time are counted from: they can't be added up themselves.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Waits {
    /// Those of this name, for which there may be any number of locks. A name is never forgotten.
    ///
    /// ```
    /// use runtime_metrics::{Reading, collectors::locks::Waits, registry};
    ///
    /// let waits = Waits::of("sessions");
    /// drop(waits.begin());
    /// let times = registry().get("sync.lock.wait_time", &[("lock", "sessions")]);
    /// assert!(matches!(times, Some(Reading::Distribution(times)) if times.count == 1));
    /// ```
    pub fn of(name: &str) -> Self {
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| collect::add(Arc::new(Locks)));
        let mut all = ALL.lock();
        if let Some(known) = all.iter().find(|known| &*known.0.name == name) {
            return known.clone();
        }
        let times = Histogram::new("sync.lock.wait_time", crate::names::help("sync.lock.wait_time"))
            .with_unit("seconds")
            .with_label("lock", name)
            .register();
        LazyLock::force(&EPOCH);
        let new = Self(Arc::new(Inner { name: name.into(), times, now: lock::Mutex::default() }));
        all.push(new.clone());
        new
    }

    /// A caller waits until what is returned is dropped: also where it gives up, or panics.
    /// Costs two readings of the clock, some 100 ns.
    ///
    /// ```
    /// let waits = runtime_metrics::collectors::locks::Waits::of("files");
    /// let waiting = waits.begin();
    /// // … the lock's own way of waiting …
    /// drop(waiting);
    /// ```
    pub fn begin(&self) -> impl Drop + Send + use<> {
        let began = EPOCH.elapsed();
        let mut now = self.0.now.lock();
        now.waiting += 1;
        now.began += began;
        drop(now);
        Waiting { waits: self.clone(), began }
    }
}

impl fmt::Debug for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.0.now.lock().waiting;
        f.debug_struct("Waits").field("lock", &self.0.name).field("waiting", &waiting).finish()
    }
}

/// Somebody waits.
struct Waiting {
    waits: Waits,
    began: Duration,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let inner = &*self.waits.0;
        let mut now = inner.now.lock();
        // Under the lock: what was told meanwhile is never more than what is told next.
        let waited = EPOCH.elapsed().saturating_sub(self.began);
        now.waiting -= 1;
        now.began -= self.began;
        now.over += waited;
        drop(now);
        inner.times.observe(waited);
    }
}

/// The waits of each name.
static ALL: lock::Mutex<Vec<Waits>> = lock::Mutex::new(Vec::new());

#[derive(Debug)]
struct Locks;

impl MetricCollector for Locks {
    fn collect(&self) -> Vec<RuntimeMetric> {
        let mut found = Found::default();
        for Waits(waits) in ALL.lock().iter() {
            let (now, time) = {
                let now = waits.now.lock();
                (*now, EPOCH.elapsed())
            };
            let waited = now.over + (time * now.waiting).saturating_sub(now.began);
            found.tell_of("sync.lock.waiting", u64::from(now.waiting), ("lock", &waits.name));
            found.tell_of("sync.lock.waited", waited.as_secs_f64(), ("lock", &waits.name));
        }
        found.all()
    }

    fn name(&self) -> &'static str {
        "locks"
    }
}

/// A name, and what is known of it once somebody had to wait.
#[derive(Debug)]
struct Named {
    name: &'static str,
    waits: sync::OnceLock<Waits>,
}

impl Named {
    const fn new(name: &'static str) -> Self {
        Self { name, waits: sync::OnceLock::new() }
    }

    /// What is there at once, or else what is worth waiting for.
    #[inline]
    fn get<G>(&self, at_once: Result<G, TryLockError<G>>, wait: impl FnOnce() -> LockResult<G>) -> LockResult<G> {
        match at_once {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
            Err(TryLockError::WouldBlock) => {
                let _waiting = self.waits.get_or_init(|| Waits::of(self.name)).begin();
                wait()
            }
        }
    }
}

/// [`std::sync::Mutex`], measured. What is not here is on the standard library's, which it is used as.
///
/// ```
/// use runtime_metrics::collectors::locks::Mutex;
///
/// let stock = Mutex::new("stock", 3);
/// *stock.lock().unwrap() -= 1;
/// assert_eq!(stock.try_lock().map(|stock| *stock).unwrap(), 2);
/// ```
#[derive(Debug)]
pub struct Mutex<T: ?Sized> {
    named: Named,
    lock: sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A mutex with a name, which is the label `lock`. Several may have the same.
    ///
    /// ```
    /// static STOCK: runtime_metrics::collectors::locks::Mutex<u32> =
    ///     runtime_metrics::collectors::locks::Mutex::new("stock", 3);
    /// # assert_eq!(*STOCK.lock().unwrap(), 3);
    /// ```
    pub const fn new(name: &'static str, value: T) -> Self {
        Self { named: Named::new(name), lock: sync::Mutex::new(value) }
    }

    /// What it guards, as [`std::sync::Mutex::into_inner`].
    ///
    /// # Errors
    ///
    /// Somebody panicked while they held it.
    ///
    /// ```
    /// let stock = runtime_metrics::collectors::locks::Mutex::new("stock", 3);
    /// assert_eq!(stock.into_inner().unwrap(), 3);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        self.lock.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock, and is measured if it has to.
    ///
    /// # Errors
    ///
    /// Somebody panicked while they held it, as [`std::sync::Mutex::lock`].
    ///
    /// ```
    /// let stock = runtime_metrics::collectors::locks::Mutex::new("stock", 3);
    /// assert_eq!(*stock.lock().unwrap(), 3);
    /// ```
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        self.named.get(self.lock.try_lock(), || self.lock.lock())
    }
}

impl<T: ?Sized> Deref for Mutex<T> {
    type Target = sync::Mutex<T>;

    fn deref(&self) -> &sync::Mutex<T> {
        &self.lock
    }
}

/// [`std::sync::RwLock`], measured. What is not here is on the standard library's, which it is used as.
///
/// ```
/// use runtime_metrics::collectors::locks::RwLock;
///
/// let prices = RwLock::new("prices", vec![1.5]);
/// prices.write().unwrap().push(2.5);
/// assert_eq!(prices.read().unwrap().len(), 2);
/// ```
#[derive(Debug)]
pub struct RwLock<T: ?Sized> {
    named: Named,
    lock: sync::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A lock with a name, which is the label `lock`. Several may have the same.
    ///
    /// ```
    /// let prices = runtime_metrics::collectors::locks::RwLock::new("prices", [1.5]);
    /// assert_eq!(prices.read().unwrap()[0], 1.5);
    /// ```
    pub const fn new(name: &'static str, value: T) -> Self {
        Self { named: Named::new(name), lock: sync::RwLock::new(value) }
    }

    /// What it guards, as [`std::sync::RwLock::into_inner`].
    ///
    /// # Errors
    ///
    /// Somebody panicked while they wrote.
    ///
    /// ```
    /// let prices = runtime_metrics::collectors::locks::RwLock::new("prices", [1.5]);
    /// assert_eq!(prices.into_inner().unwrap(), [1.5]);
    /// ```
    pub fn into_inner(self) -> LockResult<T> {
        self.lock.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits to read, and is measured if it has to.
    ///
    /// # Errors
    ///
    /// Somebody panicked while they wrote, as [`std::sync::RwLock::read`].
    ///
    /// ```
    /// let prices = runtime_metrics::collectors::locks::RwLock::new("prices", [1.5]);
    /// assert_eq!(prices.read().unwrap()[0], 1.5);
    /// ```
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.named.get(self.lock.try_read(), || self.lock.read())
    }

    /// Waits to write, and is measured if it has to.
    ///
    /// # Errors
    ///
    /// Somebody panicked while they wrote, as [`std::sync::RwLock::write`].
    ///
    /// ```
    /// let prices = runtime_metrics::collectors::locks::RwLock::new("prices", [1.5]);
    /// prices.write().unwrap()[0] = 2.5;
    /// assert_eq!(prices.read().unwrap()[0], 2.5);
    /// ```
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.named.get(self.lock.try_write(), || self.lock.write())
    }
}

impl<T: ?Sized> Deref for RwLock<T> {
    type Target = sync::RwLock<T>;

    fn deref(&self) -> &sync::RwLock<T> {
        &self.lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Reading;
    use std::thread;

    fn told(name: &str, lock: &str) -> f64 {
        let all = Locks.collect();
        let one = all.iter().find(|told| told.name == name && told.tags["lock"] == lock);
        one.map_or(f64::NAN, |told| told.value.as_f64())
    }

    #[test]
    fn who_waits_is_counted_while_waiting_and_timed_after() {
        let lock = RwLock::new("locks_tests", 1);
        let before = Instant::now();
        let held = lock.write().unwrap();
        assert!(told("sync.lock.waiting", "locks_tests").is_nan(), "nobody had to wait");
        thread::scope(|scope| {
            scope.spawn(|| drop(lock.read()));
            scope.spawn(|| drop(lock.write()));
            while told("sync.lock.waiting", "locks_tests") != 2.0 {
                thread::yield_now();
            }
            let first = told("sync.lock.waited", "locks_tests");
            thread::sleep(Duration::from_millis(30));
            let more = told("sync.lock.waited", "locks_tests");
            assert!(more >= first + 0.06, "two wait for 30 ms each: {first} {more}");
            drop(held);
        });
        let most = before.elapsed().as_secs_f64() * 2.0;
        let waited = told("sync.lock.waited", "locks_tests");
        assert!((0.06..=most).contains(&waited), "{waited} {most}");
        assert_eq!(told("sync.lock.waiting", "locks_tests"), 0.0);
        let times = crate::registry().get("sync.lock.wait_time", &[("lock", "locks_tests")]);
        let Some(Reading::Distribution(times)) = times else { panic!("{times:?}") };
        assert_eq!(times.count, 2);
        assert!((times.sum - waited).abs() < 1e-6, "{} {waited}", times.sum);
    }

    #[test]
    fn a_poisoned_lock_says_so_as_that_of_the_standard_library_does() {
        let lock = Mutex::new("locks_poisoned", 1);
        let panicked = thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let _held = lock.lock();
                std::panic::resume_unwind(Box::new("on purpose"));
            });
            holder.join()
        });
        assert!(panicked.is_err() && lock.lock().is_err() && lock.is_poisoned());
        lock.clear_poison();
        assert_eq!(lock.into_inner().unwrap(), 1);
    }
}
