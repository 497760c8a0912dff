//! What a profile refuses of the networks in answers: exceptions spare the networks of their own
//! source only, some whatever their sizes, while in a zone the longest prefix decides.

use std::collections::BTreeSet;

use filter_core::{Filter, Network, PatternKind, Profile};

use super::provenance;

/// Networks by effect; they are few.
#[derive(Debug, Default)]
pub(super) struct Networks {
    refused: BTreeSet<Network>,
    passed: BTreeSet<Network>,
}

/// A network and the sources that list it.
struct Rule {
    network: Network,
    sources: BTreeSet<usize>,
    /// Exceptions: the sources whose exception spares smaller networks inside of it, too.
    sparing_inside: BTreeSet<usize>,
}

impl Networks {
    pub(super) fn of(filter: &Filter, profile: &Profile) -> Self {
        let manifest = filter.manifest();
        let (mut blocks, mut exceptions) = (Vec::new(), Vec::new());
        for pattern in filter.patterns(PatternKind::Network) {
            let Ok(network) = pattern.text.parse() else { continue };
            for (rules, exception) in [(&mut blocks, false), (&mut exceptions, true)] {
                let in_force = || {
                    pattern.rules().filter(|rule| {
                        rule.options.exception == exception
                            && provenance::blocks(&manifest.sources[rule.source].source, profile)
                    })
                };
                let sources: BTreeSet<usize> = in_force().map(|rule| rule.source).collect();
                if !sources.is_empty() {
                    let broad = in_force().filter(|rule| !rule.options.nearest);
                    let sparing_inside = broad.map(|rule| rule.source).collect();
                    rules.push(Rule { network, sources, sparing_inside });
                }
            }
        }
        // What no exception of a source's own spares.
        for block in &mut blocks {
            let around = exceptions.iter().filter(|rule| rule.network.contains(&block.network));
            for exception in around {
                let spared = match exception.network == block.network {
                    true => &exception.sources,
                    false => &exception.sparing_inside,
                };
                block.sources.retain(|source| !spared.contains(source));
            }
        }
        blocks.retain(|block| !block.sources.is_empty());

        let mut networks = Self::default();
        for exception in &exceptions {
            let mut around =
                blocks.iter().filter(|block| block.network.contains(&exception.network)).peekable();
            let is_needed = around.peek().is_some();
            if is_needed && around.all(|block| block.sources.is_subset(&exception.sources)) {
                networks.passed.insert(exception.network);
            }
        }
        networks.refused = blocks.into_iter().map(|block| block.network).collect();
        networks
    }

    pub(super) fn refuses(&self, text: &str) -> bool {
        text.parse().is_ok_and(|network: Network| self.refused.contains(&network))
    }

    /// Networks inside of refused ones that pass.
    pub(super) fn passed(&self) -> impl Iterator<Item = &Network> {
        self.passed.iter()
    }
}
