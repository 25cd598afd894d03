//! Which vector instructions the kernels use: found out once, at run time, so that one binary serves every machine.
//!
//! The environment variable `LIMPIDE_SIMD` (`portable`, `avx2` or `avx512` in any case, read at the first use) asks for
//! less than the machine has. A level that the machine lacks gives the best one below it; any other value is ignored.

use std::sync::LazyLock;

/// A set of vector instructions. A higher level includes the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the compiler may use on every machine of this architecture, and no fused multiply-add: the same bits
    /// everywhere.
    Portable,
    /// AVX2 and FMA: 8 `f32` at a time.
    Avx2,
    /// AVX-512 F, BW, DQ and VL besides: 16 `f32` at a time.
    Avx512,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The levels that this machine has, lowest first. `LIMPIDE_SIMD` does not change the answer.
    pub fn available() -> impl Iterator<Item = Level> {
        Level::ALL.into_iter().filter(|&level| level <= best())
    }

    /// The name that `LIMPIDE_SIMD` takes.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }

    /// The level of a name, in capitals or small letters.
    pub fn named(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// The level that the kernels run at: the best of the machine, or what `LIMPIDE_SIMD` asks for.
pub fn level() -> Level {
    static CHOSEN: LazyLock<Level> = LazyLock::new(|| choose(std::env::var("LIMPIDE_SIMD").ok().as_deref(), best()));
    *CHOSEN
}

/// The highest level that this machine has.
pub fn best() -> Level {
    static BEST: LazyLock<Level> = LazyLock::new(detect);
    *BEST
}

/// A piece of arithmetic that is compiled once for every level.
pub trait Job {
    /// What it gives.
    type Output;
    /// Does it; `FUSED` says whether a·b + c is one instruction. To be `#[inline(always)]`, with all that it calls: only
    /// what is inlined gets the vector instructions of the level.
    fn run<const FUSED: bool>(self) -> Self::Output;
}

/// Does a job with the instructions of a level.
///
/// Panics when the machine lacks the level.
pub fn run<J: Job>(level: Level, job: J) -> J::Output {
    assert!(level <= best(), "this machine lacks {}", level.name());
    match level {
        // SAFETY: `best` found the features of this level on the machine.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { run_avx512(job) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { run_avx2(job) },
        _ => job.run::<false>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<J: Job>(job: J) -> J::Output {
    job.run::<true>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<J: Job>(job: J) -> J::Output {
    job.run::<true>()
}

/// The level for a value of `LIMPIDE_SIMD` on a machine that has `best`.
fn choose(wanted: Option<&str>, best: Level) -> Level {
    wanted.and_then(Level::named).map_or(best, |level| level.min(best))
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        (false, _) => Level::Portable,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Portable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_lowers_the_level_and_never_raises_it() {
        assert_eq!(choose(None, Level::Avx512), Level::Avx512);
        assert_eq!(choose(Some("portable"), Level::Avx512), Level::Portable);
        assert_eq!(choose(Some("avx2"), Level::Avx512), Level::Avx2);
        assert_eq!(choose(Some("AVX2"), Level::Avx512), Level::Avx2);
        assert_eq!(choose(Some("avx512"), Level::Avx2), Level::Avx2);
        assert_eq!(choose(Some("neon"), Level::Avx2), Level::Avx2);
    }

    #[test]
    fn the_chosen_level_is_available() {
        assert!(Level::available().any(|available| available == level()));
    }
}
