//! `preau default-config`: every key that there is, with its meaning and its default, from the types.

use schemars::{Schema, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::Value;

use super::typed;

/// What the configuration may be, for editors (JSON Schema, draft 7: what they know best).
pub(crate) fn schema() -> Schema {
    let mut settings = SchemaSettings::draft07().with_transform(without_null);
    settings.inline_subschemas = true;
    settings.into_generator().into_root_schema_for::<typed::File>()
}

/// A configuration that sets nothing: each key is in a comment, at its default or at an example.
pub(crate) fn default_config() -> String {
    let schema = schema();
    let mut text = String::new();
    let root = Node(schema.as_value());
    comment(&mut text, root.description());
    for (name, node) in root.properties() {
        table(&mut text, name, node);
    }
    text
}

/// Adds a table; `path` is what its header says.
fn table(text: &mut String, path: &str, node: Node<'_>) {
    if let Some((name, values)) = node.map() {
        return table(text, &format!("{path}.{name}"), values);
    }
    let content = node.rows().unwrap_or(node);
    text.push('\n');
    comment(text, content.description());
    text.push_str(&match node.rows() {
        Some(_) => format!("#[[{path}]]\n"),
        None if node.is_complete() => format!("[{path}]\n"),
        None => format!("#[{path}]\n"),
    });
    let (tables, keys): (Vec<_>, Vec<_>) =
        content.properties().partition(|(_, node)| node.is_table());
    for (place, (name, node)) in keys.into_iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        key(text, name, node);
    }
    for (name, node) in tables {
        table(text, &format!("{path}.{name}"), node);
    }
}

/// Adds a key.
fn key(text: &mut String, name: &str, node: Node<'_>) {
    comment(text, node.description());
    for (value, meaning) in node.choices() {
        comment(text, &format!("{value}: {meaning}"));
    }
    let default = node.0.get("default").map(|default| (default, ""));
    let example = || node.0["examples"].get(0).map(|example| (example, EXAMPLE));
    let (value, note) =
        default.or_else(example).expect("every key has one or the other: tests print all");
    text.push_str(&match value {
        Value::Array(elements) => format!("#{name} = [{}]{note}\n", filled(elements, name.len())),
        value => format!("#{name} = {value}{note}\n"),
    });
}

/// What stands behind a value that is no default.
const EXAMPLE: &str = "  # example";

/// The elements of an array, in as many lines as it takes. Those that there are, texts and numbers,
/// are written in TOML as in JSON.
fn filled(elements: &[Value], indent: usize) -> String {
    const WIDTH: usize = 90;
    let mut lines = String::new();
    let mut column = indent;
    for (place, element) in elements.iter().enumerate() {
        let element = element.to_string();
        if place > 0 {
            lines.push(',');
            column += element.len() + 2;
            if column > WIDTH {
                lines.push_str("\n#");
                column = element.len();
            } else {
                lines.push(' ');
            }
        } else {
            column += element.len();
        }
        lines.push_str(&element);
    }
    lines
}

/// Adds lines of comment.
fn comment(text: &mut String, lines: &str) {
    for line in lines.lines() {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
}

/// A part of the schema.
#[derive(Clone, Copy)]
struct Node<'s>(&'s Value);

impl<'s> Node<'s> {
    fn description(self) -> &'s str {
        self.0["description"].as_str().unwrap_or_default()
    }

    /// The keys of a table, in the order of its type.
    fn properties(self) -> impl Iterator<Item = (&'s str, Node<'s>)> {
        let properties = self.0["properties"].as_object().into_iter().flatten();
        properties.map(|(name, node)| (name.as_str(), Node(node)))
    }

    /// What each table of an array of tables is.
    fn rows(self) -> Option<Node<'s>> {
        let rows = Node(&self.0["items"]);
        rows.0["properties"].is_object().then_some(rows)
    }

    /// What each table is of those that go by any name, and such a name.
    fn map(self) -> Option<(&'s str, Node<'s>)> {
        let name = self.0["propertyNames"]["examples"][0].as_str()?;
        Some((name, Node(&self.0["additionalProperties"])))
    }

    fn is_table(self) -> bool {
        self.0["properties"].is_object() || self.rows().is_some()
    }

    /// Whether it may stand without any key.
    fn is_complete(self) -> bool {
        self.0["required"].as_array().is_none_or(Vec::is_empty)
    }

    /// The values of a key that has a few, and what each means.
    fn choices(self) -> impl Iterator<Item = (&'s Value, &'s str)> {
        let choices = self.0["oneOf"].as_array().into_iter().flatten();
        choices.map(|one| (&one["const"], one["description"].as_str().unwrap_or_default()))
    }
}

/// TOML has no null: a key is there or not.
fn without_null(schema: &mut Schema) {
    transform_subschemas(&mut without_null, schema);
    let is_null = |value: &Value| value.is_null() || *value == "null" || value["type"] == "null";
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| !is_null(name));
        if let [only] = types.as_mut_slice() {
            let only = only.take();
            schema.insert("type".into(), only);
        }
    }
    if schema.get("default").is_some_and(is_null) {
        schema.remove("default");
    }
    if let Some(Value::Array(variants)) = schema.get_mut("anyOf") {
        variants.retain(|variant| !is_null(variant));
        if let [Value::Object(only)] = variants.as_mut_slice() {
            let only = std::mem::take(only);
            schema.remove("anyOf");
            for (key, value) in only {
                schema.ensure_object().entry(key).or_insert(value);
            }
        }
    }
}

/// A time in seconds, as an operator writes it.
pub(super) fn time(seconds: u64) -> String {
    const UNITS: [(u64, char); 3] = [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm')];
    let fits = |(length, _): &(u64, char)| seconds > 0 && seconds.is_multiple_of(*length);
    let (length, unit) = UNITS.into_iter().find(fits).unwrap_or((1, 's'));
    format!("{}{unit}", seconds / length)
}

/// A size in octets, as an operator writes it.
pub(super) fn size(octets: u64) -> String {
    format!("{}MiB", octets >> 20)
}

#[cfg(test)]
mod tests;
