//! Random choices from the seed.
//!
//! Guarantees what `--seed` promises: the same seed, scenario and case number give the same plan,
//! whatever ran before and however many cases run concurrently.

use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The random number generator of one case.
pub(crate) struct CaseRng(Pcg64Mcg);

impl CaseRng {
    /// The generator of case `number` of the scenario `name` under `seed`.
    pub(crate) fn new(seed: u64, name: &str, number: u32) -> Self {
        // FNV-1a: small and stable, and it only has to tell the cases apart.
        let mut mixed = seed ^ 0xcbf2_9ce4_8422_2325;
        for byte in name.bytes().chain(number.to_le_bytes()) {
            mixed = (mixed ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(Pcg64Mcg::seed_from_u64(mixed))
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        // The multiply-shift keeps the bias below 2^-32 for the small bounds used here.
        let wide = u64::from(bound) * (self.0.next_u64() >> 32);
        u32::try_from(wide >> 32).expect("the product of two 32-bit numbers, shifted by 32")
    }

    /// True in `percent` of the draws.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the `choices`, which are not empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = u32::try_from(choices.len()).expect("a handful of choices");
        choices[self.below(count) as usize]
    }

    /// A time from `least` to `most`, uniform on a logarithmic scale, because the windows of races
    /// and crashes are: as many draws fall in 10–100 µs as in 1–10 ms.
    pub(crate) fn log_time(&mut self, least: Duration, most: Duration) -> Duration {
        let (low, high) = (least.as_secs_f64().ln(), most.as_secs_f64().ln());
        let share = f64::from(self.below(10_000)) / 10_000.0;
        Duration::from_secs_f64((low + (high - low) * share).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_seed_name_and_number_only() {
        let draws = |seed, name, number| {
            let mut rng = CaseRng::new(seed, name, number);
            (0..8).map(|_| rng.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draws(7, "pair", 3), draws(7, "pair", 3));
        assert_ne!(draws(7, "pair", 3), draws(8, "pair", 3));
        assert_ne!(draws(7, "pair", 3), draws(7, "pair", 4));
        assert_ne!(draws(7, "pair", 3), draws(7, "burst", 3));
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut rng = CaseRng::new(1, "bounds", 0);
        let (least, most) = (Duration::from_micros(10), Duration::from_millis(10));
        for _ in 0..1000 {
            assert!(rng.below(3) < 3);
            let time = rng.log_time(least, most);
            assert!(time >= Duration::from_micros(9) && time <= most, "{time:?}");
        }
    }
}
