/// Choices that a seed settles (splitmix64): the same seed makes the same case, whenever and wherever.
pub struct Dice(u64);

impl Dice {
    /// The choices of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 below none.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or_default()
    }

    /// True `times` in a hundred.
    pub fn chance(&mut self, times: usize) -> bool {
        self.below(100) < times
    }

    /// One of several.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'l, T>(&mut self, from: &'l [T]) -> &'l T {
        &from[self.below(from.len())]
    }
}
