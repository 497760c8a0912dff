//! Names with something said of them: of each alone, or of all that is under it too.

use ahash::HashMap;
use filter_core::DomainName;

/// What is said of names; the nearest ancestor that has a say is asked. Asking allocates nothing.
#[derive(Clone, Debug)]
pub(super) struct NameMap<T> {
    /// By wire form.
    entries: HashMap<Box<[u8]>, Entry<T>>,
    /// Which names there may be at all: nearly every name that is asked for has no ancestor here, and
    /// this tells without hashing any.
    shapes: Shapes,
}

/// Shapes of names: for each length of their wire form, the first octets that names of that length have,
/// a bit for every 64th octet.
#[derive(Clone, Debug)]
struct Shapes(Box<[u64; 256]>);

impl Shapes {
    fn add(&mut self, wire: &[u8]) {
        let (length, bit) = Self::of(wire);
        self.0[length] |= bit;
    }

    #[inline]
    fn may_hold(&self, wire: &[u8]) -> bool {
        let (length, bit) = Self::of(wire);
        self.0[length] & bit != 0
    }

    /// Of a wire form other than the root's: length and first octet of its first label.
    #[inline]
    fn of(wire: &[u8]) -> (usize, u64) {
        let first = wire.get(1).copied().unwrap_or_default();
        (wire.len() & 0xff, 1 << (first & 63))
    }
}

impl Default for Shapes {
    fn default() -> Self {
        Self(Box::new([0; 256]))
    }
}

#[derive(Clone, Debug)]
struct Entry<T> {
    reach: Reach,
    said: T,
}

/// Which names an entry speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Its own alone.
    Exact,
    /// Its own, and every name under it that has no nearer entry.
    Subtree,
}

impl<T> NameMap<T> {
    /// Adds a name; returns what was said of it before.
    pub(super) fn insert(&mut self, name: &DomainName, reach: Reach, said: T) -> Option<T> {
        self.shapes.add(name.as_wire());
        let before = self.entries.insert(name.as_wire().into(), Entry { reach, said });
        before.map(|entry| entry.said)
    }

    /// What is said of a name.
    pub(super) fn get(&self, name: &DomainName) -> Option<&T> {
        let wire = name.as_wire();
        let mut at = 0;
        while wire[at] != 0 {
            if self.shapes.may_hold(&wire[at..])
                && let Some(entry) = self.entries.get(&wire[at..])
                && (at == 0 || entry.reach == Reach::Subtree)
            {
                return Some(&entry.said);
            }
            at += 1 + usize::from(wire[at]);
        }
        None
    }

    /// What is said of this very name.
    pub(super) fn get_mut(&mut self, name: &DomainName) -> Option<&mut T> {
        self.entries.get_mut(name.as_wire()).map(|entry| &mut entry.said)
    }

    /// Every entry, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (DomainName, Reach, &T)> {
        self.entries.iter().map(|(wire, entry)| {
            let (name, _) = DomainName::from_wire(wire).expect("keys are wire forms of names");
            (name, entry.reach, &entry.said)
        })
    }
}

impl<T> Default for NameMap<T> {
    fn default() -> Self {
        Self { entries: HashMap::default(), shapes: Shapes::default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few labels, so that names nest.
    fn name() -> impl Strategy<Value = DomainName> {
        let label = prop::sample::select(vec!["a", "b", "ab", "com"]);
        prop::collection::vec(label, 1..5).prop_map(|labels| labels.join(".").parse().unwrap())
    }

    proptest! {
        #[test]
        fn the_nearest_has_a_say(
            entries in prop::collection::vec((name(), any::<bool>()), 0..12),
            asked in name(),
        ) {
            let mut map = NameMap::default();
            let mut plain: Vec<(DomainName, Reach)> = Vec::new();
            for (name, exact) in entries {
                let reach = if exact { Reach::Exact } else { Reach::Subtree };
                let before = map.insert(&name, reach, name.to_string());
                prop_assert_eq!(before.is_some(), plain.iter().any(|(other, _)| *other == name));
                plain.retain(|(other, _)| *other != name);
                plain.push((name, reach));
            }
            let has_say = |(name, reach): &&(DomainName, Reach)| {
                asked == *name || *reach == Reach::Subtree && asked.is_within(name)
            };
            let nearest = plain.iter().filter(has_say).max_by_key(|(name, _)| name.label_count());
            prop_assert_eq!(map.get(&asked).cloned(), nearest.map(|(name, _)| name.to_string()));
        }
    }
}
