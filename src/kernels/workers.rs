//! A pool of threads that stay awake for a moment: a fork and a join cost about a microsecond.
//!
//! A worker spins for a short while after its last task, because the next step of a training run comes within
//! microseconds, and then parks, so that an idle pool or a busy neighbour costs nothing.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::thread::{JoinHandle, Thread};

/// Pauses before a waiting thread parks: some 25 µs on a Zen 4 core, longer than the gap between two steps.
const SPINS: usize = 1_000;

/// A fixed set of threads that run the tasks of one job at a time.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// let sum = AtomicUsize::new(0);
/// limpide::kernels::Workers::new(2).run(10, &|task| { sum.fetch_add(task, Ordering::Relaxed); });
/// assert_eq!(sum.into_inner(), 45);
/// ```
#[derive(Debug)]
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

type Job = *const (dyn Fn(usize) + Sync);

#[derive(Debug)]
struct Shared {
    /// The job's number in the upper half, its tasks not yet claimed in the lower half: one word, so that a worker that
    /// comes late can never claim a task of a job it has not seen.
    state: AtomicU64,
    /// Written by `run` while no task is claimable, read after a claim.
    job: UnsafeCell<Option<(Job, Thread)>>,
    unfinished: AtomicUsize,
    panicked: AtomicBool,
    stop: AtomicBool,
}

// SAFETY: `job` is written only in `run`, which has the pool exclusively, when all tasks of the previous job are finished
// and none of the next is claimable; it is read only between a claim and the end of the claimed task. The claim's
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
        let spawn = |_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.work())
        };
        let threads = (1..threads.max(1)).map(spawn).collect();
        Workers { shared, threads }
    }

    /// How many threads work, the caller's among them.
    pub fn threads(&self) -> usize {
        self.threads.len() + 1
    }

    /// Calls `job(task)` once for every task below `tasks`, in no particular order, and returns when all are done.
    ///
    /// Panics when a task does.
    pub fn run(&mut self, tasks: usize, job: &(dyn Fn(usize) + Sync)) {
        if self.threads.is_empty() || tasks <= 1 {
            return (0..tasks).for_each(job);
        }
        let shared = &*self.shared;
        let number = (shared.state.load(Relaxed) >> 32) as u32;
        // SAFETY: extends the closure's lifetime; no thread follows the pointer after `unfinished` reaches zero, and this
        // function does not return (nor unwind: tasks are caught) before that.
        let job: Job = unsafe { std::mem::transmute(job as *const (dyn Fn(usize) + Sync + '_)) };
        // SAFETY: no task is claimable and none is running, so nobody reads the cell; see `Shared`.
        unsafe { *shared.job.get() = Some((job, std::thread::current())) };
        shared.unfinished.store(tasks, Relaxed);
        shared.state.store((number.wrapping_add(1) as u64) << 32 | tasks as u64, Release);
        self.threads.iter().take(tasks - 1).for_each(|worker| worker.thread().unpark());
        shared.claim_and_run();
        wait_until(|| shared.unfinished.load(Acquire) == 0);
        if shared.panicked.swap(false, Relaxed) {
            resume_unwind(Box::new("a task of a parallel job panicked; its message is above"));
        }
    }
}

impl Shared {
    /// The life of a worker.
    fn work(&self) {
        let mut seen = 0;
        loop {
            wait_until(|| self.stop.load(Relaxed) || self.state.load(Relaxed) != seen);
            if self.stop.load(Relaxed) {
                return;
            }
            seen = self.claim_and_run();
        }
    }

    /// Runs tasks until none is left to claim; the state in which that was seen.
    fn claim_and_run(&self) -> u64 {
        let mut state = self.state.load(Acquire);
        while state as u32 > 0 {
            match self.state.compare_exchange_weak(state, state - 1, AcqRel, Acquire) {
                Ok(_) => {
                    // SAFETY: a task of the current job is claimed and unfinished, so the cell and the closure live.
                    let (job, caller) = unsafe { (*self.job.get()).clone().expect("a published job") };
                    let task = (state as u32 - 1) as usize;
                    // SAFETY: as above.
                    if catch_unwind(AssertUnwindSafe(|| unsafe { (*job)(task) })).is_err() {
                        self.panicked.store(true, Relaxed);
                    }
                    if self.unfinished.fetch_sub(1, Release) == 1 {
                        caller.unpark();
                    }
                    state = self.state.load(Acquire);
                }
                Err(now) => state = now,
            }
        }
        state
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn every_task_runs_once_whatever_the_number_of_threads() {
        for threads in 1..5 {
            let mut workers = Workers::new(threads);
            for tasks in [0, 1, 2, 3, 17] {
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
