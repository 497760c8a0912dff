//! Names that nobody owns, made as real ones are: see [`statistics`](super::statistics).

use std::collections::HashSet;

use super::{
    random::{Draw, Random, Table},
    statistics::{
        AFTER, ASKED_BELOW_LENGTHS, ASKED_BESIDE_LISTED, ASKED_DEPTHS, ASKED_FAMILY, ASKED_LENGTHS,
        ASKED_SUFFIXES, BELOW, BELOW_REST, CHARACTERS, FAMILIES, Family, LISTED_BELOW_LENGTHS,
        LISTED_DEPTHS, LISTED_LENGTHS, LISTED_SUFFIXES, NEW_WORDS, WORD_LENGTHS, WORDS,
    },
};

/// Both kinds of name are put together from the same words, in an order of their own.
const WORDS_SEED: u64 = 1;
const LISTED_SEED: u64 = 2;
const ASKED_SEED: u64 = 3;

/// `count` different names as blocklists hold them, family by family.
pub(super) fn listed(count: usize) -> Vec<String> {
    let words = Words::new();
    let mut random = Random::new(LISTED_SEED);
    let (families, suffixes) = (Table::new(FAMILIES), Table::new(LISTED_SUFFIXES));
    let lengths = Draw::new(LISTED_LENGTHS.iter().copied());
    let below = BelowListed::new();

    let (mut registrables, mut seen) = (HashSet::new(), HashSet::new());
    let mut names = Vec::with_capacity(count);
    while names.len() < count {
        let label = words.label(1 + lengths.draw(&mut random), &mut random);
        let registrable = format!("{label}.{}", suffixes.draw(&mut random));
        if !registrables.insert(registrable.clone()) {
            continue;
        }
        let family = families.draw(&mut random);
        // Of few names, the largest families would be half.
        let mut left = family.names.min(count / 100).max(1);
        if random.per_cent(family.apex) && seen.insert(registrable.clone()) {
            names.push(registrable.clone());
            left -= 1;
        }
        // Short labels run out: a family may end smaller than it should.
        for _ in 0..2 * left {
            if left == 0 {
                break;
            }
            let name = below.name(&registrable, family, &words, &mut random);
            if seen.insert(name.clone()) {
                names.push(name);
                left -= 1;
            }
        }
    }
    names.truncate(count);
    names
}

/// Names as resolvers are asked: endless, with repetitions. Some lie beside listed names, below one
/// of the `shared` domains; few are listed.
pub(super) fn asked(shared: Vec<String>) -> impl Iterator<Item = String> {
    let words = Words::new();
    let mut random = Random::new(ASKED_SEED);
    let (suffixes, depths) = (Table::new(ASKED_SUFFIXES), Table::new(ASKED_DEPTHS));
    let lengths = Draw::new(ASKED_LENGTHS.iter().copied());
    let below_lengths = Draw::new(ASKED_BELOW_LENGTHS.iter().copied());
    std::iter::repeat_with(move || {
        let domain = if !shared.is_empty() && random.per_cent(ASKED_BESIDE_LISTED) {
            shared[random.below(shared.len())].clone()
        } else {
            let label = words.label(1 + lengths.draw(&mut random), &mut random);
            format!("{label}.{}", suffixes.draw(&mut random))
        };
        let mut name = |_| {
            let mut name = domain.clone();
            for _ in 0..*depths.draw(&mut random) {
                let label = words.label(1 + below_lengths.draw(&mut random), &mut random);
                name = format!("{label}.{name}");
            }
            name
        };
        [(); ASKED_FAMILY].map(&mut name)
    })
    .flatten()
}

/// Names below a registrable domain, as blocklists hold them.
struct BelowListed {
    depths: Table<usize>,
    /// Places of [`BELOW`], then one for all other labels.
    labels: Draw,
    lengths: Draw,
}

impl BelowListed {
    fn new() -> Self {
        let weights = BELOW.iter().map(|(_, weight)| *weight);
        Self {
            depths: Table::new(LISTED_DEPTHS),
            labels: Draw::new(weights.chain([BELOW_REST])),
            lengths: Draw::new(LISTED_BELOW_LENGTHS.iter().copied()),
        }
    }

    fn name(
        &self,
        registrable: &str,
        family: &Family,
        words: &Words,
        random: &mut Random,
    ) -> String {
        if random.per_cent(family.www) {
            return format!("www.{registrable}");
        }
        let mut name = registrable.to_owned();
        for _ in 0..*self.depths.draw(random) {
            name = match BELOW.get(self.labels.draw(random)) {
                Some((label, _)) => format!("{label}.{name}"),
                None => {
                    format!("{}.{name}", words.label(1 + self.lengths.draw(random), random))
                }
            };
        }
        name
    }
}

/// Labels out of a fixed stock of made-up words, some used far more often than others.
struct Words {
    lengths: Table<usize>,
    /// By length.
    stock: Vec<Stock>,
    letters: Letters,
}

#[derive(Default)]
struct Stock {
    words: Vec<String>,
    /// The n-th has weight 1/n.
    draw: Option<Draw>,
}

impl Words {
    fn new() -> Self {
        let letters = Letters::new();
        let mut random = Random::new(WORDS_SEED);
        let mut stock = Vec::new();
        for &(length, share) in WORD_LENGTHS {
            let words: Vec<_> = (0..WORDS * share as usize / 100)
                .map(|_| letters.word(length, &mut random))
                .collect();
            let weight = |rank: usize| (1 << 20) / (rank as u32 + 1);
            let draw = Some(Draw::new((0..words.len()).map(weight)));
            stock.resize_with(length, Stock::default);
            stock.push(Stock { words, draw });
        }
        Self { lengths: Table::new(WORD_LENGTHS), stock, letters }
    }

    /// A label of so many characters.
    fn label(&self, length: usize, random: &mut Random) -> String {
        loop {
            let mut label = String::with_capacity(length);
            while label.len() < length {
                let left = length - label.len();
                let mut word = *self.lengths.draw(random);
                // The last word ends where the label does.
                if left < self.stock.len() && word + 2 > left {
                    word = left;
                }
                label.push_str(&self.word(word, random));
            }
            if !label.starts_with('-') && !label.ends_with('-') {
                return label;
            }
        }
    }

    fn word(&self, length: usize, random: &mut Random) -> String {
        let known = self.stock.get(length).filter(|_| !random.per_cent(NEW_WORDS));
        match known.and_then(|stock| Some((&stock.words, stock.draw.as_ref()?))) {
            Some((words, draw)) => words[draw.draw(random)].clone(),
            None => self.letters.word(length, random),
        }
    }
}

/// A chain of characters, each drawn by the one before it.
struct Letters(Vec<Draw>);

impl Letters {
    fn new() -> Self {
        Self(AFTER.iter().map(|row| Draw::new(row.iter().map(|&w| u32::from(w)))).collect())
    }

    fn word(&self, length: usize, random: &mut Random) -> String {
        let mut before = CHARACTERS.len(); // the row of a beginning
        let next = |_| {
            before = self.0[before].draw(random);
            char::from(CHARACTERS[before])
        };
        (0..length).map(next).collect()
    }
}
