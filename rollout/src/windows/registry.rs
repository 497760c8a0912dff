//! Files of the registry editor: `Windows Registry Editor Version 5.00`, in UTF-16 with a byte order mark.
//!
//! Source: Microsoft's "How to add, modify, or delete registry subkeys and values by using a .reg file"
//! (support.microsoft.com/kb/310516), read on 2026-11-22.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Keys below HKEY_LOCAL_MACHINE, with their values.
#[derive(Debug, Default)]
pub(super) struct Registry {
    keys: BTreeMap<String, Vec<(String, Data)>>,
    /// Keys that are emptied first: a list that has become shorter must not keep its end.
    cleared: BTreeSet<String>,
}

#[derive(Debug)]
enum Data {
    /// REG_DWORD.
    Number(u32),
    /// REG_SZ.
    Text(String),
    /// REG_MULTI_SZ, of one line.
    Lines(String),
}

impl Registry {
    /// Sets a policy as Chromium and Firefox read it: what holds others is a key, elements of a list are
    /// numbered from 1, truth is 0 or 1.
    pub(super) fn set(&mut self, key: &str, name: &str, value: &Value) {
        if matches!(value, Value::Array(_) | Value::Object(_)) {
            self.cleared.insert(format!(r"{key}\{name}"));
        }
        self.put(key, name, value);
    }

    /// Sets a policy that is a text of its own, such as JSON.
    pub(super) fn set_lines(&mut self, key: &str, name: &str, text: &str) {
        self.value(key, name, Data::Lines(text.to_owned()));
    }

    fn put(&mut self, key: &str, name: &str, value: &Value) {
        let below = format!(r"{key}\{name}");
        match value {
            Value::Object(values) => {
                for (name, value) in values {
                    self.put(&below, name, value);
                }
            }
            Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    self.put(&below, &(number + 1).to_string(), value);
                }
            }
            Value::Bool(truth) => self.value(key, name, Data::Number((*truth).into())),
            Value::String(text) => self.value(key, name, Data::Text(text.clone())),
            Value::Number(number) => {
                let number = number.as_u64().and_then(|number| number.try_into().ok());
                self.value(key, name, Data::Number(number.expect("policies' numbers are small")));
            }
            Value::Null => {}
        }
    }

    fn value(&mut self, key: &str, name: &str, data: Data) {
        self.keys.entry(key.to_owned()).or_default().push((name.to_owned(), data));
    }

    /// The file.
    pub(super) fn file(&self) -> Vec<u8> {
        let mut text = "Windows Registry Editor Version 5.00\r\n".to_owned();
        for key in &self.cleared {
            text.push_str(&format!("\r\n[-HKEY_LOCAL_MACHINE\\{key}]\r\n"));
        }
        for (key, values) in &self.keys {
            text.push_str(&format!("\r\n[HKEY_LOCAL_MACHINE\\{key}]\r\n"));
            for (name, data) in values {
                let data = match data {
                    Data::Number(number) => format!("dword:{number:08x}"),
                    Data::Text(text) => quoted(text),
                    Data::Lines(text) => hexadecimal(text),
                };
                text.push_str(&format!("{}={data}\r\n", quoted(name)));
            }
        }
        utf16(&format!("\u{feff}{text}"))
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// REG_MULTI_SZ: the octets of each line with a NUL behind it, and one more NUL.
fn hexadecimal(text: &str) -> String {
    let octets: Vec<_> =
        utf16(&format!("{text}\0\0")).iter().map(|octet| format!("{octet:02x}")).collect();
    format!("hex(7):{}", octets.join(","))
}

/// Little-endian.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
