//! Instruction sets with kernels of their own, and which of them runs.
//!
//! The largest one that the machine has is taken, unless the process is told to take a smaller one
//! ([`InstructionSet::limit`]). Every kernel then takes the path that it takes on a machine which has no more, whose speed
//! can so be measured without one. Results are the same bits, but for training in BF16, whose products on AVX-512 flush what
//! is smaller than a normal number.
//!
//! Source: none.

use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// Instructions that kernels are written for, from the smallest set to the largest.
///
/// ```
/// use tts_models::InstructionSet;
///
/// InstructionSet::Portable.limit()?;
/// assert_eq!(InstructionSet::in_use(), InstructionSet::Portable);
/// InstructionSet::of_machine().limit()?;
/// # Ok::<(), tts_models::ModelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InstructionSet {
    /// Whatever the compiler makes of plain Rust.
    Portable,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512F, BW, VL and VNNI, with everything of [`Self::Avx2`]; BF16 too, where the machine has it.
    Avx512,
}

/// The largest set that may run.
static MOST: AtomicU8 = AtomicU8::new(InstructionSet::Avx512 as u8);

impl InstructionSet {
    /// All, from the smallest to the largest.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The largest set that this machine has.
    pub fn of_machine() -> Self {
        Isa::of_machine().set()
    }

    /// The set that kernels run on: the machine's, or that of [`Self::limit`].
    pub fn in_use() -> Self {
        Isa::detect().set()
    }

    /// This set, if a machine whose largest one is `machine` can run it.
    ///
    /// ```
    /// use tts_models::InstructionSet::{Avx2, Avx512};
    ///
    /// assert!(Avx2.on(Avx512).is_ok());
    /// let refused = Avx512.on(Avx2).unwrap_err().to_string();
    /// assert_eq!(refused, "instruction set: avx512, but this machine has no more than avx2");
    /// ```
    ///
    /// # Errors
    /// When it cannot.
    pub fn on(self, machine: Self) -> Result<Self, ModelError> {
        if self > machine {
            let problem = format!("{self}, but this machine has no more than {machine}");
            return Err(ModelError::input("instruction set", problem));
        }
        Ok(self)
    }

    /// From now on all kernels of the process run on this set, which changes their speed and
    /// nothing else, but for training in BF16 (see [`crate::train`]).
    ///
    /// # Errors
    /// When the machine does not have it; nothing has changed then.
    pub fn limit(self) -> Result<(), ModelError> {
        self.on(Self::of_machine())?;
        MOST.store(self as u8, Ordering::Relaxed);
        Ok(())
    }
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

impl std::str::FromStr for InstructionSet {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|set| set.to_string() == name);
        named.ok_or_else(|| format!("{name:?} is not an instruction set: portable, avx2 or avx512"))
    }
}

/// An instruction set that the machine has: whoever holds one may call code compiled for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isa {
    /// [`InstructionSet::Avx512`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// [`InstructionSet::Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// [`InstructionSet::Portable`].
    Portable,
}

impl Isa {
    /// The best one that this machine has.
    fn of_machine() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            // The standard library caches the answers: these are loads and tests.
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            let vectors = has!("avx512f") && has!("avx512bw") && has!("avx512vl");
            if avx2 && vectors && has!("avx512vnni") {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// The one that runs: the best one of this machine, or a smaller one that was asked for.
    pub(crate) fn detect() -> Self {
        let machine = Self::of_machine();
        let most = MOST.load(Ordering::Relaxed);
        if machine.set() as u8 <= most {
            return machine;
        }
        // The machine has more than was asked for, so it has this too.
        #[cfg(target_arch = "x86_64")]
        if most == InstructionSet::Avx2 as u8 {
            return Self::Avx2;
        }
        Self::Portable
    }

    fn set(self) -> InstructionSet {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => InstructionSet::Avx512,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => InstructionSet::Avx2,
            Self::Portable => InstructionSet::Portable,
        }
    }

    /// All that this machine can run, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        match Self::of_machine() {
            Self::Avx512 => all.extend([Self::Avx2, Self::Avx512]),
            Self::Avx2 => all.push(Self::Avx2),
            Self::Portable => {}
        }
        all
    }
}
