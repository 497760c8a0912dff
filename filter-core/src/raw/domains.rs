//! The dictionary: names to values, as an FST over label-reversed names.
//!
//! The key of `www.example.com` is `com+example+www`. `+` stands in no rule's label, sorts before
//! every octet that does, so that keys in order are the name tree in preorder (an ancestor just
//! before its descendants), and is one of the `fst` crate's common inputs, so that it costs nothing
//! where a chain of single transitions passes it.
//!
//! The `fst` crate builds; this file reads what it built, because the crate's own reader panics on
//! altered bytes and a bundle may have been altered by someone who knows how to mend its digests.
//! Every access is bounds-checked; a node that makes no sense ends the walk. Transitions only lead
//! to lower addresses and each step takes one octet of the name, so a walk always ends.

use thiserror::Error;

use crate::name::DomainName;

/// Between labels in a key.
const SEPARATOR: u8 = b'+';

/// Appends the key of a name. Names of rules hold no separator: their octets are host octets, or
/// those of an IPv6 address.
pub(crate) fn push_key(name: &DomainName, keys: &mut Vec<u8>) {
    for (index, label) in name.labels().rev().enumerate() {
        if index > 0 {
            keys.push(SEPARATOR);
        }
        keys.extend_from_slice(label);
    }
}

/// The key of the name one label up; `None` for the root's.
pub(crate) fn parent_key(key: &[u8]) -> Option<&[u8]> {
    match key.iter().rposition(|&octet| octet == SEPARATOR) {
        Some(end) => Some(&key[..end]),
        None if key.is_empty() => None,
        None => Some(&[]),
    }
}

/// The labels of the name that has this key, from the root.
pub(crate) fn labels_of_key(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.split(|&octet| octet == SEPARATOR).filter(|_| !key.is_empty())
}

/// True when the name of `descendant` lies below that of `ancestor`.
pub(crate) fn is_below(descendant: &[u8], ancestor: &[u8]) -> bool {
    match descendant.strip_prefix(ancestor) {
        Some(rest) if ancestor.is_empty() => !rest.is_empty(),
        Some(rest) => rest.first() == Some(&SEPARATOR),
        None => false,
    }
}

/// Writes a dictionary from keys in increasing order.
pub(crate) struct Writer(fst::raw::Builder<Vec<u8>>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self(fst::raw::Builder::memory())
    }

    /// # Panics
    /// If `key` is not greater than the one before: the caller sorted and merged them.
    pub(crate) fn insert(&mut self, key: &[u8], value: u32) {
        self.0.insert(key, u64::from(value)).expect("keys come in strictly increasing order");
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("writing to memory does not fail")
    }
}

/// Reads a dictionary in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Domains<'a> {
    nodes: &'a [u8],
    root: usize,
}

/// Why bytes are not a dictionary.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("not an FST of version 3")]
pub(crate) struct NotADictionary;

/// Octets before the first node: version and type of the FST.
const FST_HEADER: usize = 16;
/// Octets after the last node: number of keys, root address, checksum.
const FST_FOOTER: usize = 20;
const FST_VERSION: u64 = 3;
/// The address of the final node without transitions, which takes no octet.
const EMPTY_NODE: usize = 0;

impl<'a> Domains<'a> {
    /// Looks at the ends only, so that opening takes the same time at any size.
    pub(crate) fn open(fst: &'a [u8]) -> Result<Self, NotADictionary> {
        let nodes_end = fst.len().checked_sub(FST_FOOTER).ok_or(NotADictionary)?;
        let word = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(fst.get(at..at + 8)?.try_into().ok()?))
        };
        if word(0) != Some(FST_VERSION) {
            return Err(NotADictionary);
        }
        let root = word(nodes_end + 8).and_then(|root| usize::try_from(root).ok());
        let nodes = &fst[..nodes_end];
        match root {
            Some(root) if root == EMPTY_NODE || (FST_HEADER..nodes_end).contains(&root) => {
                Ok(Self { nodes, root })
            }
            _ => Err(NotADictionary),
        }
    }

    /// Calls `found(labels, value)` for the name and each ancestor that has a value, root first.
    pub(crate) fn walk(&self, name: &DomainName, mut found: impl FnMut(usize, u32)) {
        let mut output = 0u64;
        let Some(mut node) = self.node(self.root) else { return };
        let mut report = |node: &Node<'_>, labels: usize, output: u64| {
            if let Some(last) = node.final_output() {
                found(labels, output.wrapping_add(last) as u32);
            }
        };
        report(&node, 0, 0);
        for (depth, label) in name.labels().rev().enumerate() {
            let separator = (depth > 0).then_some(&SEPARATOR);
            for &octet in separator.into_iter().chain(label) {
                let Some((step, target)) = node.follow(octet) else { return };
                let Some(next) = self.node(target) else { return };
                output = output.wrapping_add(step);
                node = next;
            }
            // A queried label may hold the separator; no rule's does, so `a+b` is not `b.a`.
            if label.contains(&SEPARATOR) {
                return;
            }
            report(&node, depth + 1, output);
        }
    }

    /// Every name that has a value, in increasing order of keys.
    pub(crate) fn keys(&self) -> Keys<'a> {
        let root = self.node(self.root).map(|node| Step { node, next: 0, output: 0 });
        Keys { domains: *self, path: root.into_iter().collect(), key: Vec::new(), entered: true }
    }

    fn node(&self, address: usize) -> Option<Node<'a>> {
        if address == EMPTY_NODE {
            return Some(Node::Empty);
        }
        let before = self.nodes.get(FST_HEADER..address)?;
        Node::decode(*self.nodes.get(address)?, before)
    }
}

/// Iterates over a dictionary, depth first.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    domains: Domains<'a>,
    /// From the root to the node that the iteration is at.
    path: Vec<Step<'a>>,
    /// The octets that lead there: one fewer than `path` has nodes.
    key: Vec<u8>,
    /// True when that node has just been reached.
    entered: bool,
}

#[derive(Debug)]
struct Step<'a> {
    node: Node<'a>,
    /// Rank of the transition to follow next.
    next: usize,
    /// Sum of the outputs on the way here.
    output: u64,
}

impl Keys<'_> {
    /// Longest key: a name's text. A longer one is no name's, so nothing is looked for behind it.
    const MAX_KEY: usize = 253;
}

impl Iterator for Keys<'_> {
    type Item = (DomainName, u32);

    fn next(&mut self) -> Option<(DomainName, u32)> {
        loop {
            let step = self.path.last_mut()?;
            if std::mem::take(&mut self.entered)
                && let Some(last) = step.node.final_output()
                && let Some(name) = name_of_key(&self.key)
            {
                return Some((name, step.output.wrapping_add(last) as u32));
            }
            let transition = step.node.transition(step.next);
            step.next += 1;
            match transition {
                Some((octet, output, target)) if self.key.len() < Self::MAX_KEY => {
                    let output = step.output.wrapping_add(output);
                    if let Some(node) = self.domains.node(target) {
                        self.path.push(Step { node, next: 0, output });
                        self.key.push(octet);
                        self.entered = true;
                    }
                }
                Some(_) => {}
                None => {
                    self.path.pop();
                    self.key.pop();
                }
            }
        }
    }
}

/// The name that a key stands for; none for a key that no name has.
pub(crate) fn name_of_key(key: &[u8]) -> Option<DomainName> {
    let mut wire = Vec::with_capacity(key.len() + 2);
    for label in key.rsplit(|&octet| octet == SEPARATOR).filter(|_| !key.is_empty()) {
        if label.is_empty() {
            return None;
        }
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    DomainName::from_wire(&wire).ok().map(|(name, _)| name)
}

/// A node of an `fst` 0.4 automaton (format version 3, `fst/src/raw/node.rs`), written back to
/// front: its last octet tells its shape, and `before` are the octets before that one.
#[derive(Debug)]
enum Node<'a> {
    /// Final, no transition.
    Empty,
    /// One transition without output.
    One { input: u8, output: u64, target: usize },
    /// Any number of transitions.
    Many { is_final: bool, final_output: u64, transitions: Transitions<'a> },
}

#[derive(Debug)]
struct Transitions<'a> {
    count: usize,
    /// 256 octets from an input to its transition's index, for large nodes.
    index: Option<&'a [u8]>,
    /// All three back to front: the first transition stands last.
    inputs: &'a [u8],
    targets: &'a [u8],
    outputs: &'a [u8],
    target_size: usize,
    output_size: usize,
    /// Address of the node's first octet, from which targets count backwards.
    start: usize,
}

impl<'a> Node<'a> {
    #[inline]
    fn decode(shape: u8, before: &'a [u8]) -> Option<Self> {
        match shape >> 6 {
            0b11 => {
                let (input, before) = one_input(shape, before)?;
                // The node before this one, whose last octet stands just before.
                let target = (FST_HEADER + before.len()).checked_sub(1)?;
                Some(Self::One { input, output: 0, target: inside(target)? })
            }
            0b10 => {
                let (input, before) = one_input(shape, before)?;
                let (&sizes, before) = before.split_last()?;
                let (target, before) = split_tail(before, usize::from(sizes >> 4))?;
                let (output, before) = split_tail(before, usize::from(sizes & 15))?;
                let target = resolve(target, FST_HEADER + before.len())?;
                Some(Self::One { input, output: unpack(output), target })
            }
            _ => Self::decode_many(shape, before),
        }
    }

    fn decode_many(shape: u8, before: &'a [u8]) -> Option<Self> {
        let is_final = shape & 0b0100_0000 != 0;
        let (count, before) = match shape & 0b0011_1111 {
            0 => {
                let (&count, before) = before.split_last()?;
                (if count == 1 { 256 } else { usize::from(count) }, before)
            }
            count => (usize::from(count), before),
        };
        let (&sizes, before) = before.split_last()?;
        let (target_size, output_size) = (usize::from(sizes >> 4), usize::from(sizes & 15));
        let (index, before) = match count > 32 {
            true => split_tail(before, 256).map(|(index, before)| (Some(index), before))?,
            false => (None, before),
        };
        let (inputs, before) = split_tail(before, count)?;
        let (targets, before) = split_tail(before, count * target_size)?;
        let (outputs, before) = split_tail(before, count * output_size)?;
        let (final_output, before) = split_tail(before, if is_final { output_size } else { 0 })?;
        let start = FST_HEADER + before.len();
        let transitions =
            Transitions { count, index, inputs, targets, outputs, target_size, output_size, start };
        Some(Self::Many { is_final, final_output: unpack(final_output), transitions })
    }

    /// The output of ending here, if a key does.
    #[inline]
    fn final_output(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::One { .. } => None,
            Self::Many { is_final, final_output, .. } => is_final.then_some(*final_output),
        }
    }

    /// Output and target of the transition on `octet`.
    #[inline]
    fn follow(&self, octet: u8) -> Option<(u64, usize)> {
        match self {
            Self::Empty => None,
            Self::One { input, output, target } => (*input == octet).then_some((*output, *target)),
            Self::Many { transitions, .. } => transitions.find(octet),
        }
    }

    /// Input, output and target of a transition, by rank of its input from 0.
    fn transition(&self, rank: usize) -> Option<(u8, u64, usize)> {
        match self {
            Self::One { input, output, target } if rank == 0 => Some((*input, *output, *target)),
            Self::Empty | Self::One { .. } => None,
            Self::Many { transitions, .. } => transitions.at_rank(rank),
        }
    }
}

impl Transitions<'_> {
    #[inline]
    fn find(&self, octet: u8) -> Option<(u64, usize)> {
        // Inputs, targets and outputs stand in the same order; the index counts from the other end.
        let place = match self.index {
            Some(index) => {
                self.count.checked_sub(1 + usize::from(*index.get(usize::from(octet))?))?
            }
            None => self.inputs.iter().position(|&input| input == octet)?,
        };
        self.at(place)
    }

    fn at_rank(&self, rank: usize) -> Option<(u8, u64, usize)> {
        let place = self.count.checked_sub(rank.checked_add(1)?)?;
        let (output, target) = self.at(place)?;
        Some((*self.inputs.get(place)?, output, target))
    }

    #[inline]
    fn at(&self, place: usize) -> Option<(u64, usize)> {
        let target = self.targets.get(place * self.target_size..(place + 1) * self.target_size)?;
        let output = self.outputs.get(place * self.output_size..(place + 1) * self.output_size)?;
        Some((unpack(output), resolve(target, self.start)?))
    }
}

/// The input of a node with one transition: in the shape if it is a common one, else before it.
#[inline]
fn one_input(shape: u8, before: &[u8]) -> Option<(u8, &[u8])> {
    match shape & 0b0011_1111 {
        0 => before.split_last().map(|(&input, before)| (input, before)),
        common => Some((COMMON_INPUTS[usize::from(common) - 1], before)),
    }
}

#[inline]
fn split_tail(octets: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (before, tail) = octets.split_at_checked(octets.len().checked_sub(length)?)?;
    Some((tail, before))
}

/// Little-endian, of at most 8 octets.
#[inline]
fn unpack(octets: &[u8]) -> u64 {
    octets.iter().rev().fold(0, |value, &octet| value << 8 | u64::from(octet))
}

/// A target's address from its distance to the node that `start`s there; 0 is the empty node.
#[inline]
fn resolve(distance: &[u8], start: usize) -> Option<usize> {
    match usize::try_from(unpack(distance)).ok()? {
        EMPTY_NODE => Some(EMPTY_NODE),
        distance => inside(start.checked_sub(distance)?),
    }
}

#[inline]
fn inside(address: usize) -> Option<usize> {
    (address >= FST_HEADER).then_some(address)
}

/// The 63 inputs that `fst` 0.4 packs into a node's shape, most common first
/// (`fst/src/raw/common_inputs.rs`).
const COMMON_INPUTS: &[u8; 63] = b"te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn key(name: &str) -> Vec<u8> {
        let mut key = Vec::new();
        push_key(&name.parse().unwrap(), &mut key);
        key
    }

    fn dictionary(names: &BTreeMap<Vec<u8>, u32>) -> Vec<u8> {
        let mut writer = Writer::new();
        for (key, &value) in names {
            writer.insert(key, value);
        }
        writer.finish()
    }

    fn walked(fst: &[u8], name: &DomainName) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        Domains::open(fst).unwrap().walk(name, |labels, value| found.push((labels, value)));
        found
    }

    #[test]
    fn keys() {
        assert_eq!(key("www.example.com"), b"com+example+www");
        assert_eq!(parent_key(b"com+example"), Some(&b"com"[..]));
        assert_eq!(parent_key(b"com"), Some(&b""[..]));
        assert_eq!(parent_key(b""), None);
        assert!(is_below(b"com+example", b"com") && is_below(b"com", b""));
        assert!(!is_below(b"com", b"com") && !is_below(b"com-x", b"com") && !is_below(b"", b""));
    }

    #[test]
    fn ancestors_come_root_first() {
        let names = [("", 9), ("com", 1), ("com+example", 2), ("com+example+www", 3)];
        let names = names.map(|(key, value)| (key.as_bytes().to_vec(), value)).into();
        let fst = dictionary(&names);
        let all = walked(&fst, &"a.www.example.com".parse().unwrap());
        assert_eq!(all, [(0, 9), (1, 1), (2, 2), (3, 3)]);
        assert_eq!(walked(&fst, &"badexample.com".parse().unwrap()), [(0, 9), (1, 1)]);
        assert_eq!(walked(&fst, &"exampl.com".parse().unwrap()), [(0, 9), (1, 1)]);
    }

    #[test]
    fn a_separator_inside_a_queried_label_matches_nothing() {
        let fst = dictionary(&[(b"com+example".to_vec(), 5)].into());
        let (name, _) = DomainName::from_wire(b"\x0bcom+example\0").unwrap();
        assert_eq!(walked(&fst, &name), []);
    }

    #[test]
    fn an_empty_dictionary_holds_nothing() {
        assert_eq!(walked(&dictionary(&BTreeMap::new()), &"example.com".parse().unwrap()), []);
    }

    proptest! {
        /// This reader = the `fst` crate's = a map, on every key and on near misses.
        #[test]
        fn agrees_with_the_fst_crate_and_a_map(
            names in prop::collection::btree_map("([a-e0-9-]{1,3}\\.){0,3}[a-z]{1,2}", 0u32..100_000, 0..300),
            asked in prop::collection::vec("([a-e0-9-]{1,3}\\.){0,3}[a-z]{1,2}", 0..50),
        ) {
            let map: BTreeMap<Vec<u8>, u32> = names.iter().map(|(name, &value)| (key(name), value)).collect();
            let fst = dictionary(&map);
            let theirs = fst::raw::Fst::new(&fst).unwrap();
            for name in names.keys().chain(&asked) {
                let name: DomainName = name.parse().unwrap();
                let expected: Vec<_> = (0..=name.label_count()).filter_map(|labels| {
                    let mut key = Vec::new();
                    push_key(&name.suffix(labels), &mut key);
                    let value = map.get(&key).copied();
                    assert_eq!(theirs.get(&key).map(|output| output.value() as u32), value);
                    Some((labels, value?))
                }).collect();
                prop_assert_eq!(walked(&fst, &name), expected);
            }
        }

        /// No alteration makes a walk panic or run on.
        #[test]
        fn altered_bytes_do_no_harm(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let names = (0..200u32).map(|n| (format!("com+n{}+w{}", n % 40, n).into_bytes(), n * 77));
            let mut fst = dictionary(&names.collect());
            for (at, octet) in flips {
                let at = at.index(fst.len());
                fst[at] = octet;
            }
            if let Ok(domains) = Domains::open(&fst) {
                for n in 0..40 {
                    let name = format!("x.w{n}.n{n}.com").parse().unwrap();
                    domains.walk(&name, |labels, _| assert!(labels <= 4));
                }
            }
        }
    }
}
