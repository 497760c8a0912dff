//! Numbers that look random and are the same on every machine, for ever.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }

    /// True in so many cases of a hundred.
    pub(super) fn per_cent(&mut self, share: u32) -> bool {
        self.below(100) < share as usize
    }
}

/// Draws places of a table by weight.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    /// Sum of the weights up to and with each place.
    sums: Vec<u64>,
}

impl Draw {
    pub(super) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let add = |sum: &mut u64, weight: u32| {
            *sum += u64::from(weight);
            Some(*sum)
        };
        Self { sums: weights.into_iter().scan(0, add).collect() }
    }

    /// Of the places of a table with values.
    pub(super) fn of<T>(rows: &[(T, u32)]) -> Self {
        Self::new(rows.iter().map(|(_, weight)| *weight))
    }

    pub(super) fn draw(&self, random: &mut Random) -> usize {
        let total = self.sums.last().copied().unwrap_or_default();
        let point = random.below(total as usize) as u64;
        self.sums.partition_point(|&sum| sum <= point)
    }
}

/// A table whose values are drawn by weight.
#[derive(Clone, Debug)]
pub(super) struct Table<T: 'static> {
    rows: &'static [(T, u32)],
    draw: Draw,
}

impl<T> Table<T> {
    pub(super) fn new(rows: &'static [(T, u32)]) -> Self {
        Self { rows, draw: Draw::of(rows) }
    }

    pub(super) fn draw(&self, random: &mut Random) -> &'static T {
        &self.rows[self.draw.draw(random)].0
    }
}
