//! `[limits]`: what clients may take.

use super::Spanned;

use super::{Limits, typed, validated::Check};

/// More of anything is beyond any machine that this runs on.
const MOST: u32 = 1_000_000;

impl Check {
    pub(super) fn limits(&mut self, written: &typed::Limits) -> Limits {
        let defaults = Limits::default();
        let mut limit = |written: &Option<Spanned<u32>>, default: usize| match written {
            None => default,
            Some(number) => {
                if !(1..=MOST).contains(number.get_ref()) {
                    let title = format!("{} is out of range", number.get_ref());
                    self.fault(number.span(), title, format!("write a number from 1 to {MOST}"));
                }
                *number.get_ref() as usize
            }
        };
        let queries = limit(&written.queries_per_second, defaults.queries_per_second as usize);
        let limits = Limits {
            queries_per_second: queries as u32, // as it was written
            connections: limit(&written.connections, defaults.connections),
            connections_per_client: limit(
                &written.connections_per_client,
                defaults.connections_per_client,
            ),
            waiting: limit(&written.waiting, defaults.waiting),
            waiting_per_client: limit(&written.waiting_per_client, defaults.waiting_per_client),
        };
        let pairs = [
            ("connections", limits.connections, &written.connections_per_client),
            ("waiting", limits.waiting, &written.waiting_per_client),
        ];
        for (all, number, of_one) in pairs {
            if let Some(of_one) = of_one.as_ref().filter(|one| *one.get_ref() as usize > number) {
                let title =
                    format!("a client may have {}, all together {number}", of_one.get_ref());
                self.fault(of_one.span(), title, format!("lower it, or raise `{all}`"));
            }
        }
        limits
    }
}
