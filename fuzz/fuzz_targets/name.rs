//! Any text and any wire bytes: what is read can be written and read again.
#![no_main]

use filter_core::DomainName;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((name, used)) = DomainName::from_wire(bytes) {
        assert_eq!(name.as_wire(), bytes[..used].to_ascii_lowercase());
        assert!(name.is_within(&name.suffix(name.label_count() / 2)));
        let _ = name.to_string();
    }
    if let Ok(name) = std::str::from_utf8(bytes).map_err(drop).and_then(|t| DomainName::parse(t).map_err(drop)) {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
        assert_eq!(DomainName::from_wire(name.as_wire()).map(|(name, _)| name).as_ref(), Ok(&name));
    }
});
