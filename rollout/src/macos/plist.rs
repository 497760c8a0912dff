//! Property lists, written as XML.

use data_encoding::BASE64;
use serde_json::Value;

/// A value of a property list.
#[derive(Clone, Debug)]
pub(super) enum Plist {
    Boolean(bool),
    Integer(i64),
    Text(String),
    Data(Vec<u8>),
    Array(Vec<Self>),
    Dictionary(Vec<(String, Self)>),
}

/// Policies have no null and no fractions; what is neither is text.
impl From<Value> for Plist {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(boolean) => Self::Boolean(boolean),
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer),
                None => Self::Text(number.to_string()),
            },
            Value::Null => Self::Text(String::new()),
            Value::String(text) => Self::Text(text),
            Value::Array(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            Value::Object(values) => Self::Dictionary(
                values.into_iter().map(|(key, value)| (key, value.into())).collect(),
            ),
        }
    }
}

/// A whole property list.
pub(super) fn document(value: &Plist) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
        \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
        <plist version=\"1.0\">\n"
        .to_owned();
    write(value, 0, &mut text);
    text.push_str("</plist>\n");
    text
}

fn write(value: &Plist, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    let line = match value {
        Plist::Boolean(true) => "<true/>".to_owned(),
        Plist::Boolean(false) => "<false/>".to_owned(),
        Plist::Integer(integer) => format!("<integer>{integer}</integer>"),
        Plist::Text(text) => format!("<string>{}</string>", escaped(text)),
        Plist::Data(octets) => format!("<data>{}</data>", BASE64.encode(octets)),
        Plist::Array(values) => {
            out.push_str(&format!("{indent}<array>\n"));
            for value in values {
                write(value, depth + 1, out);
            }
            "</array>".to_owned()
        }
        Plist::Dictionary(values) => {
            out.push_str(&format!("{indent}<dict>\n"));
            for (key, value) in values {
                out.push_str(&format!("{indent}  <key>{}</key>\n", escaped(key)));
                write(value, depth + 1, out);
            }
            "</dict>".to_owned()
        }
    };
    out.push_str(&format!("{indent}{line}\n"));
}

/// XML has no control characters, escaped or not.
fn escaped(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
