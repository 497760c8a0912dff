//! What may be asked, as JSON.

use std::{fmt, marker::PhantomData, str};

use filter_core::SearchResult;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, value::MapAccessDeserializer},
};

use super::problem::{Kind, Problem};
use crate::{
    config::{self, CheckApi},
    policy::{check::Subject, refusal::Language},
};

/// Characters that are told of what the reader of JSON says, which repeats keys.
const SAID: usize = 300;
/// Octets of a key that is told.
const KEY: usize = 100;

/// For whom something is checked, and the language of the reasons.
#[derive(Debug, Default)]
pub(super) struct AudienceKeys {
    pub(super) profile: Option<String>,
    pub(super) group: Option<String>,
    pub(super) language: Option<Tag>,
}

/// What is to be checked: `items`, or one of them by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["items"]}, {"required": ["host"]}, {"required": ["url"]}, {"required": ["text"]}
]), example = serde_json::json!({
    "profile": "child",
    "items": [{"host": "www.example.com"}, {"url": "https://example.org/?q=chat"}, {"text": "le chat"}]
}))]
pub(super) struct CheckRequest {
    /// A profile of the configuration: its own rules, now and always. Either this or `group`.
    #[serde(default)]
    profile: Option<String>,
    /// A group of the configuration: what its schedule says now, within the floor of its authority.
    #[serde(default)]
    group: Option<String>,
    /// The language of reasons and faults. Without it, the one that `Accept-Language` prefers.
    #[serde(default)]
    language: Option<Tag>,
    /// Any number of hosts, URLs, texts and results, mixed; answers come in their order.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Object<Item>>>")]
    items: Option<Items>,
    /// One host.
    #[serde(default)]
    host: Option<Text>,
    /// One URL, or with `title` or `snippet` one result of a search.
    #[serde(default)]
    url: Option<Text>,
    /// One text.
    #[serde(default)]
    text: Option<Text>,
    /// Of the result.
    #[serde(default)]
    title: Option<Text>,
    /// Of the result.
    #[serde(default)]
    snippet: Option<Text>,
}

/// What is to be explained: a host, a URL or a text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["host"]}, {"required": ["url"]}, {"required": ["text"]}
]), example = serde_json::json!({"profile": "child", "host": "www.example.com"}))]
pub(super) struct ExplainRequest {
    /// A profile of the configuration. Either this or `group`.
    #[serde(default)]
    profile: Option<String>,
    /// A group of the configuration.
    #[serde(default)]
    group: Option<String>,
    /// The language of faults.
    #[serde(default)]
    language: Option<Tag>,
    /// A host.
    #[serde(default)]
    host: Option<Text>,
    /// A URL.
    #[serde(default)]
    url: Option<Text>,
    /// A text.
    #[serde(default)]
    text: Option<Text>,
}

/// One of: a host; a URL; a text; a result of a search, which is a URL with a title, a snippet or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["host"]}, {"required": ["url"]}, {"required": ["text"]}
]))]
pub(super) struct Item {
    /// A host as people write it: `www.example.com`, `école.example`, `192.0.2.1`.
    #[serde(default)]
    host: Option<Text>,
    /// A URL, with or without its scheme. Its host, its page and the words of its query are judged.
    #[serde(default)]
    url: Option<Text>,
    /// A query, a title, a page without its markup.
    #[serde(default)]
    text: Option<Text>,
    /// The title of a result.
    #[serde(default)]
    title: Option<Text>,
    /// What is shown of a result.
    #[serde(default)]
    snippet: Option<Text>,
}

/// Text of JSON. What its escapes say that is no Unicode, such as half an emoji at the end of a
/// snippet, is U+FFFD: one such result is no fault of the others.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(transparent)]
pub(super) struct Text(String);

/// Items in their order. However many a body has, no more are held than a configuration may allow, and
/// one: an empty one takes three octets there, and a hundred here.
#[derive(Debug)]
struct Items(Vec<Object<Item>>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut array: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while items.len() <= *config::check::ITEMS.end() as usize {
                    match array.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Items(items)),
                    }
                }
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(Visitor)
    }
}

/// An object of JSON, and nothing else: serde would take its values by their order from an array too.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Visitor(PhantomData))
    }
}

/// A language of reasons and faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Language")]
pub(super) enum Tag {
    Fr,
    En,
}

impl From<Tag> for Language {
    fn from(tag: Tag) -> Self {
        match tag {
            Tag::Fr => Self::French,
            Tag::En => Self::English,
        }
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_bytes<E: de::Error>(self, octets: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(octets).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Visitor)
    }
}

/// Reads the JSON of a body.
pub(super) fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Problem> {
    // A byte order mark may be ignored (RFC 8259 §8.1), and some programs write one.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Err(error) = str::from_utf8(body) {
        return Err(Problem::new(Kind::Encoding { octet: error.valid_up_to() }));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let kind = |error: &serde_json::Error| Kind::Json {
        said: error.to_string().chars().take(SAID).collect(),
    };
    let Object(request) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| Problem::at(pointer(error.path()), kind(error.inner())))?;
    json.end().map_err(|error| Problem::new(kind(&error)))?;
    Ok(request)
}

/// A place in JSON (RFC 6901), as far as its keys are of a sensible length.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let token = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } if key.len() <= KEY => {
            Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        }
        Segment::Map { .. } | Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().map_while(token).collect()
}

impl CheckRequest {
    /// Whom it is about.
    pub(super) fn audience(&mut self) -> AudienceKeys {
        let (profile, group) = (self.profile.take(), self.group.take());
        AudienceKeys { profile, group, language: self.language }
    }

    /// What is to be checked, item by item, and each one's place.
    pub(super) fn items(self, settings: &CheckApi) -> Result<Vec<(String, Item)>, Problem> {
        let Self { host, url, text, title, snippet, .. } = self;
        let single = Item { host, url, text, title, snippet };
        match self.items {
            None => Ok(vec![(String::new(), single)]),
            Some(_) if !single.is_empty() => Err(Problem::at("/items", Kind::NotOne)),
            Some(Items(items)) if items.len() > settings.items => {
                Err(Problem::at("/items", Kind::Items { limit: settings.items }))
            }
            Some(Items(items)) => {
                let places = (0..).map(|index: usize| format!("/items/{index}"));
                Ok(places.zip(items.into_iter().map(|Object(item)| item)).collect())
            }
        }
    }
}

impl ExplainRequest {
    /// Whom it is about.
    pub(super) fn audience(&mut self) -> AudienceKeys {
        let (profile, group) = (self.profile.take(), self.group.take());
        AudienceKeys { profile, group, language: self.language }
    }

    /// What is to be explained.
    pub(super) fn item(self) -> Item {
        let Self { host, url, text, .. } = self;
        Item { host, url, text, ..Item::default() }
    }
}

impl Item {
    fn is_empty(&self) -> bool {
        let Self { host, url, text, title, snippet } = self;
        [host, url, text, title, snippet].iter().all(|field| field.is_none())
    }

    /// What it asks about; `place` is where it stands.
    pub(super) fn subject(&self, place: &str, settings: &CheckApi) -> Result<Subject<'_>, Problem> {
        let Self { host, url, text, title, snippet } = self;
        let of = |text: &Option<Text>| text.as_ref().map_or(0, |Text(text)| text.len());
        let said = title.is_some() || snippet.is_some();
        let subject = match (host, url, text) {
            (Some(Text(host)), None, None) if !said => Subject::Host(host),
            (None, None, Some(Text(text))) if !said => Subject::Text(text),
            (None, Some(Text(url)), None) if !said => Subject::Url(url),
            (None, Some(Text(url)), None) => {
                let title = title.as_ref().map_or("", |Text(title)| title);
                let snippet = snippet.as_ref().map_or("", |Text(snippet)| snippet);
                Subject::Result(SearchResult { url, title, snippet })
            }
            _ => return Err(Problem::at(place, Kind::NotOne)),
        };
        let octets: usize = [host, url, text, title, snippet].map(of).iter().sum();
        match octets > settings.text {
            true => Err(Problem::at(place, Kind::Text { limit: settings.text })),
            false => Ok(subject),
        }
    }
}
