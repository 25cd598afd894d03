//! A pool of threads that stay awake for a moment: a fork and a join cost about a microsecond.
//!
//! A worker spins for a short while after its last task, because the next step of a training run comes within
//! microseconds, and then parks, so that an idle pool or a busy neighbour costs nothing.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::thread::{JoinHandle, Thread};

/// Pauses before a waiting thread parks: some 55 µs on a Zen 3 core, longer than the gap between two steps, or than one
/// core is behind another that shares its units with a neighbour. With 4,000 a
/// dense epoch beside a busy process took 0.39 s, with 1,000 it took 0.33.
const SPINS: usize = 2_000;

/// A fixed set of threads that run the tasks of one job at a time.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// let sum = AtomicUsize::new(0);
/// limpide_kernels::Workers::new(2).run(10, &|task| { sum.fetch_add(task, Ordering::Relaxed); });
/// assert_eq!(sum.into_inner(), 45);
/// ```
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// The most bundles of tasks that a job is divided into: the bits of half a word.
const BUNDLES: usize = 32;
/// Where the job's number begins in the state.
const NUMBER: usize = BUNDLES + 6;

/// A job as the workers see it.
#[derive(Clone, Debug)]
struct Published {
    job: *const (dyn Fn(usize) + Sync),
    tasks: usize,
    bundles: usize,
    caller: Thread,
}

#[derive(Debug)]
struct Shared {
    /// From the top: the job's number, the number of its bundles (6 bits), and a bit for each bundle not yet claimed (32): one
    /// word, so that a worker that comes late can never claim a bundle of a job it has not seen.
    state: AtomicU64,
    /// Written by `run` while no bundle is claimable, read after a claim.
    job: UnsafeCell<Option<Published>>,
    unfinished: AtomicUsize,
    panicked: AtomicBool,
    stop: AtomicBool,
}

// SAFETY: `job` is written only in `run`, which has the pool exclusively, when all bundles of the previous job are finished
// and none of the next is claimable; it is read only between a claim and the end of the claimed bundle. The claim's
// acquire pairs with the release that publishes the job. The closure behind the pointer is `Sync`.
unsafe impl Sync for Shared {}
// SAFETY: the pointer is only followed as described above, from whichever thread made the claim.
unsafe impl Send for Shared {}

impl Workers {
    /// A pool in which `threads` threads work, the caller's among them.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            job: UnsafeCell::new(None),
            unfinished: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let threads = threads.max(1);
        let spawn = |place| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.work(place, threads))
        };
        let threads = (1..threads).map(spawn).collect();
        Workers { shared, threads }
    }

    /// How many threads work, the caller's among them.
    pub fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `job(task)` once for every task below `tasks`, in no particular order, and returns when all are done.
    ///
    /// Each thread begins in its own part of the tasks, the same in every job with as many tasks, so that what a task touches
    /// is still in its core's cache the next time; who has finished takes over what the others have not begun.
    ///
    /// Panics when a task does.
    pub fn run(&mut self, tasks: usize, job: &(dyn Fn(usize) + Sync)) {
        if self.threads.is_empty() || tasks <= 1 {
            return (0..tasks).for_each(job);
        }
        let shared = &*self.shared;
        let number = shared.state.load(Relaxed) >> NUMBER;
        // SAFETY: extends the closure's lifetime; no thread follows the pointer after `unfinished` reaches zero, and this
        // function does not return (nor unwind: tasks are caught) before that.
        let job: *const (dyn Fn(usize) + Sync) =
            unsafe { std::mem::transmute(job as *const (dyn Fn(usize) + Sync + '_)) };
        let bundles = tasks.min(BUNDLES);
        let published = Published { job, tasks, bundles, caller: std::thread::current() };
        // SAFETY: no bundle is claimable and none is running, so nobody reads the cell; see `Shared`.
        unsafe { *shared.job.get() = Some(published) };
        shared.unfinished.store(bundles, Relaxed);
        let unclaimed = u64::from(u32::MAX >> (BUNDLES - bundles));
        shared.state.store(number.wrapping_add(1) << NUMBER | (bundles as u64) << BUNDLES | unclaimed, Release);
        self.threads.iter().take(bundles - 1).for_each(|worker| worker.thread().unpark());
        shared.claim_and_run(0, self.threads());
        wait_until(|| shared.unfinished.load(Acquire) == 0);
        if shared.panicked.swap(false, Relaxed) {
            resume_unwind(Box::new("a task of a parallel job panicked; its message is above"));
        }
    }
}

impl Shared {
    /// The life of the worker at a place among all threads.
    fn work(&self, place: usize, threads: usize) {
        let mut seen = 0;
        loop {
            wait_until(|| self.stop.load(Relaxed) || self.state.load(Relaxed) != seen);
            if self.stop.load(Relaxed) {
                return;
            }
            seen = self.claim_and_run(place, threads);
        }
    }

    /// Runs bundles until none is left to claim, its own part of them first; the state in which that was seen.
    fn claim_and_run(&self, place: usize, threads: usize) -> u64 {
        let mut state = self.state.load(Acquire);
        while state as u32 > 0 {
            let bundles = (state >> BUNDLES) as usize % (1 << (NUMBER - BUNDLES));
            let bundle = next_bundle(state as u32, place * bundles / threads);
            match self.state.compare_exchange_weak(state, state & !(1 << bundle), AcqRel, Acquire) {
                Ok(_) => {
                    self.run_bundle(bundle);
                    state = self.state.load(Acquire);
                }
                Err(now) => state = now,
            }
        }
        state
    }

    /// Runs the tasks of a bundle that this thread has claimed.
    fn run_bundle(&self, bundle: usize) {
        // SAFETY: a bundle of the current job is claimed and unfinished, so the cell and the closure live.
        let Published { job, tasks, bundles, caller } = unsafe { (*self.job.get()).clone().expect("a published job") };
        let range = bundle * tasks / bundles..(bundle + 1) * tasks / bundles;
        // SAFETY: as above.
        let run = AssertUnwindSafe(|| range.for_each(|task| unsafe { (*job)(task) }));
        if catch_unwind(run).is_err() {
            self.panicked.store(true, Relaxed);
        }
        if self.unfinished.fetch_sub(1, Release) == 1 {
            caller.unpark();
        }
    }
}

/// The first unclaimed bundle from the start of a thread's own part on, round the corner.
fn next_bundle(unclaimed: u32, start: usize) -> usize {
    (start + unclaimed.rotate_right(start as u32).trailing_zeros() as usize) % BUNDLES
}

/// Spins for a moment, then parks until woken, until `ready`.
fn wait_until(ready: impl Fn() -> bool) {
    for _ in 0..SPINS {
        if ready() {
            return;
        }
        std::hint::spin_loop();
    }
    while !ready() {
        std::thread::park();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        for worker in self.threads.drain(..) {
            worker.thread().unpark();
            // A worker catches the panics of its tasks, so it cannot have panicked itself.
            let _ = worker.join();
        }
    }
}

/// The cores that this process may use; 1 when the system does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn every_task_runs_once_whatever_the_number_of_threads() {
        for threads in 1..5 {
            let mut workers = Workers::new(threads);
            for tasks in [0, 1, 2, 3, 17, 32, 33, 100] {
                for _ in 0..200 {
                    let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                    workers.run(tasks, &|task| {
                        counts[task].fetch_add(1, Relaxed);
                    });
                    assert!(counts.iter().all(|count| count.load(Relaxed) == 1), "{threads} threads, {tasks} tasks");
                }
            }
        }
    }

    #[test]
    fn a_thread_takes_its_own_part_first_and_then_what_is_left() {
        assert_eq!(next_bundle(0b1111, 2), 2);
        assert_eq!(next_bundle(0b1011, 2), 3);
        assert_eq!(next_bundle(0b0010, 2), 1);
        assert_eq!(next_bundle(u32::MAX, 31), 31);
    }

    #[test]
    fn parked_workers_wake_up() {
        let mut workers = Workers::new(2);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(5));
            let names = Mutex::new(Vec::new());
            workers.run(2, &|task| names.lock().unwrap().push(task));
            assert_eq!(names.into_inner().unwrap().len(), 2);
        }
    }

    #[test]
    fn a_panic_in_a_task_reaches_the_caller_and_the_pool_lives_on() {
        let mut workers = Workers::new(2);
        let result = catch_unwind(AssertUnwindSafe(|| workers.run(4, &|task| assert!(task != 2, "planted"))));
        assert!(result.is_err());
        let sum = AtomicUsize::new(0);
        workers.run(4, &|task| {
            sum.fetch_add(task, Relaxed);
        });
        assert_eq!(sum.into_inner(), 6);
    }
}
