//! Names that look like others, in the words of pupils and teachers.

use filter_core::{Matched, Slip};

use super::refusal::Language;

/// What a refused name looks like, where that is why it is refused: `ressemble à lumni.fr (une lettre
/// manque)`.
pub fn resemblance(language: Language, matched: &Matched<'_>) -> Option<String> {
    match (language, matched) {
        (Language::French, Matched::Typo { of, slip, .. }) => {
            Some(format!("ressemble à {of} ({})", french(*slip)))
        }
        (Language::English, Matched::Typo { of, slip, .. }) => {
            Some(format!("looks like {of} ({})", slip.label()))
        }
        (Language::French, Matched::Homograph { of, .. }) => {
            Some(format!("se lit comme {of}, avec d’autres lettres"))
        }
        (Language::English, Matched::Homograph { of, .. }) => {
            Some(format!("reads like {of}, with other letters"))
        }
        _ => None,
    }
}

fn french(slip: Slip) -> &'static str {
    match slip {
        Slip::Www => "avec www collé devant",
        Slip::LooksAlike => "avec un signe qui ressemble à un autre",
        Slip::Doubled => "avec une lettre en double",
        Slip::Exchanged => "avec deux lettres inversées",
        Slip::LeftOut => "une lettre manque",
        Slip::Neighbour => "avec la touche d’à côté",
        Slip::TwoKeys => "avec une lettre de trop",
        Slip::HyphenAdded => "avec un tiret en plus",
        Slip::HyphenLeftOut => "le tiret manque",
        Slip::Ending => "avec une autre fin",
        Slip::Joined => "avec une fin ajoutée",
        _ => "à peu de chose près",
    }
}

#[cfg(test)]
mod tests {
    use filter_core::{
        Filter, FilterBuilder, Options, Profile, Scope, Source, Stamp, Verdict, typos,
    };

    use super::*;

    #[test]
    fn both_languages_say_what_is_meant() {
        let mut builder = FilterBuilder::new();
        let source = builder.source(Source::block("sites", &["lookalikes"])).unwrap();
        let mut batch = builder.batch(source);
        let site = "lumni.fr".parse().unwrap();
        batch.protect(&site, Options::default()).unwrap();
        for (typo, _) in typos(&site) {
            batch.domain(&typo, Scope::Subtree, Options::default()).unwrap();
        }
        batch
            .domain(&"listed.example".parse().unwrap(), Scope::Subtree, Options::default())
            .unwrap();
        builder.add(batch.finish());
        let stamp = Stamp { serial: 1, created: String::new(), expires: None };
        let filter = Filter::open(builder.build(stamp).bytes).unwrap();
        let mut profile = Profile::custom("x");
        profile.block.insert(Profile::LOOKALIKES.to_owned());
        let bound = filter.bind(&profile).unwrap();
        let cases = [
            (
                "www.lunmi.fr",
                Some([
                    "ressemble à lumni.fr (avec deux lettres inversées)",
                    "looks like lumni.fr (with two letters exchanged)",
                ]),
            ),
            (
                "lumnі.fr",
                Some([
                    "se lit comme lumni.fr, avec d’autres lettres",
                    "reads like lumni.fr, with other letters",
                ]),
            ),
            ("listed.example", None),
        ];
        for (host, expected) in cases {
            let Verdict::Blocked(reason) = bound.host(host) else { panic!("{host}") };
            let matched = reason.matched(&host.parse().unwrap());
            let told = [Language::French, Language::English]
                .map(|language| resemblance(language, &matched));
            assert_eq!(
                told,
                expected.map_or([None, None], |told| told.map(|t| Some(t.to_owned())))
            );
        }
    }
}
