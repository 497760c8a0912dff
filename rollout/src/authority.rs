//! A certificate authority of an operator's own.

use data_encoding::BASE64;
use x509_parser::{parse_x509_certificate, pem::Pem};

/// A certificate that browsers are to believe as that of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority {
    /// DER.
    der: Vec<u8>,
    /// Whom it is of, such as `CN=Préau`.
    pub(crate) subject: String,
}

impl Authority {
    /// The one certificate of a PEM file.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let mut blocks = Vec::new();
        for block in Pem::iter_from_buffer(text) {
            let block = block.map_err(|error| format!("it is no PEM file: {error}"))?;
            if block.label.contains("PRIVATE KEY") {
                return Err("there is a private key in it, which must never leave its place".into());
            }
            blocks.push(block);
        }
        let [block] = blocks.as_slice() else {
            return Err(format!("it holds {} certificates", blocks.len()));
        };
        let Ok((_, certificate)) = parse_x509_certificate(&block.contents) else {
            return Err("what it holds is no X.509 certificate".into());
        };
        if !certificate.is_ca() {
            return Err("its certificate is not that of an authority (no CA:TRUE)".into());
        }
        let subject = certificate.subject().to_string();
        Ok(Self { der: block.contents.clone(), subject })
    }

    /// DER.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// DER in Base64, on one line.
    pub(crate) fn base64(&self) -> String {
        BASE64.encode(&self.der)
    }

    /// The certificate, and nothing else that the operator's file may have held.
    pub(crate) fn pem(&self) -> String {
        let encoded = self.base64();
        let lines: Vec<_> = encoded
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).expect("Base64 is ASCII"))
            .collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}
