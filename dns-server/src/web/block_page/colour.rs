//! The colour of buttons.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// A colour on which white is readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour([u8; 3]);

/// What white text needs (WCAG 2.2, success criterion 1.4.3).
const LEAST_CONTRAST: f64 = 4.5;

impl Colour {
    /// The contrast of white on it, from 1 to 21 (WCAG 2.2, "contrast ratio").
    fn contrast_with_white(self) -> f64 {
        let [red, green, blue] = self.0.map(|octet| {
            let part = f64::from(octet) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    }
}

/// A blue.
impl Default for Colour {
    fn default() -> Self {
        Self([0x1f, 0x6f, 0x8b])
    }
}

impl FromStr for Colour {
    type Err = ColourError;

    fn from_str(text: &str) -> Result<Self, ColourError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] = number.ok_or(ColourError::NotAColour)?.to_be_bytes();
        let colour = Self([red, green, blue]);
        let contrast = colour.contrast_with_white();
        if contrast < LEAST_CONTRAST {
            return Err(ColourError::Pale { contrast });
        }
        Ok(colour)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// Why a text is no colour of buttons.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub(crate) enum ColourError {
    /// It is none at all.
    #[error("is not a colour")]
    NotAColour,
    /// Few people could read white on it.
    #[error(
        "is too pale: white has a contrast of {contrast:.1} on it, and needs {LEAST_CONTRAST} to \
         be readable (WCAG 2.2, 1.4.3)"
    )]
    Pale {
        /// That of white.
        contrast: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_must_be_readable() {
        // Contrasts as WebAIM's checker prints them.
        let cases = [("#000000", 21.0), ("#1f6f8b", 5.66), ("#767676", 4.54), ("#0B5CAD", 6.64)];
        for (text, contrast) in cases {
            let colour: Colour = text.parse().unwrap();
            assert!((colour.contrast_with_white() - contrast).abs() < 0.05, "{text}");
            assert_eq!(colour.to_string(), text.to_ascii_lowercase());
        }
        for text in ["#777777", "#ffffff", "#ff8800"] {
            assert!(matches!(text.parse::<Colour>(), Err(ColourError::Pale { .. })), "{text}");
        }
        for text in ["", "blue", "1f6f8b", "#1f6", "#1f6f8g", "#+f6f8b", "#1f6f8b; }", "#é6f8b"] {
            assert_eq!(text.parse::<Colour>(), Err(ColourError::NotAColour), "{text}");
        }
    }
}
