//! Letters that read like others.
//!
//! Beside each plain text stand the Latin letters that differ from it by marks, which languages write,
//! and the letters that only look like it: of other scripts, and of Latin where no language of names
//! has them. Taken from the confusables of UTS #39 (what it takes for ASCII, of letters and digits that
//! names may hold), and more freely from known homographs: `к` is close enough to `k` at first sight.

/// What a letter is read as, and how far it is from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness {
    /// One or two plain letters or digits.
    pub(super) plain: &'static str,
    /// It is no mere mark: see the module.
    pub(super) disguises: bool,
}

/// Letters by what they are read as: plain, with marks, disguised. Each stands once.
const ROWS: &[(&str, &str, &str)] = &[
    ("-", "", "ᝍⲳⲻ"),
    ("a", "àáâãäåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ", "ɑάαаӑӓἀἁἂἃἄἅἆἇὰᾰᾱᾶꭤ"),
    ("aa", "", "ꜳ"),
    ("ae", "æǣǽ", "ӕ"),
    ("ao", "", "ꜵ"),
    ("au", "", "ꜷ"),
    ("av", "", "ꜹꜻ"),
    ("ay", "", "ꜽ"),
    ("b", "ƀɓḃḅḇ", "ƃƅβьѣҍᏏᑲᑳᖯ𐌜"),
    ("bl", "", "ы"),
    ("c", "çćĉċčḉ", "ƈȼϲсҫငၚᴄⲥ𐐽"),
    ("co", "", "ꭃꭄ"),
    ("d", "ďđɗḋḍḏḑḓ", "ƌɖԁժᏧᑯꓒ"),
    ("dz", "", "ʣ"),
    ("e", "èéêëēĕėęěȅȇȩḕḗḙḛḝẹẻẽếềểễệ", "ɇέεеѐёєҽҿӗꬲ"),
    ("f", "ƒḟ", "ʄϝքᵮẝꞙꬵ"),
    ("fn", "", "ʩ"),
    ("g", "ĝğġģǧǵḡ", "ƍǥɠɡԍցᶃ"),
    ("h", "ĥħȟḣḥḧḩḫẖ", "ɦнћһհᏂᏲꚕ"),
    ("i", "ìíîïĩīĭįıǐȉȋɨḭḯỉị", "ɩɪΐίιϊіїւᎥᵻᵼἰἱἲἳἴἵἶἷὶῐῑῒῖῗⲓꙇ𑣃"),
    ("j", "ĵǰ", "ȷɉɟϳјյ"),
    ("k", "ķƙǩḱḳḵ", "κкқҝ"),
    ("l", "ĺļľłḷḹḻḽ", "ŀƚǀɫɭӏ۱ᛁᛅᛐⵊⵏꓲꕯꞁꟾ𐊊𐌉𐔎𖫤𖼨𞅁"),
    ("ll", "", "ǁ"),
    ("ls", "", "ʪ"),
    ("lz", "", "ʫ"),
    ("m", "ḿṁṃ", "ɱмՠᵯꭑ𑜀𑣣"),
    ("n", "ñńņňŋǹṅṇṉṋ", "ŉƞɲɳήηпղոռᵰ"),
    (
        "o",
        "òóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ",
        "ɵοσόϭоѳӧөօ۵०০੦૦୦௦౦ഠ൦๐໐တဝ၀თჿᄋᆼ០ᨲᩅ᪀᪐ᴏᴑὀὁὂὃὄὅὸⲑⲟꚢꝋꬽꬾ𐐬𐓪𑄖𑄤𑓐𑣈𑣗",
    ),
    ("oe", "œ", ""),
    ("oo", "", "ᅇᇮꚙꝏ"),
    ("oy", "", "ѹ"),
    ("p", "ṕṗ", "ƥƿρϸрᵽῤῥⲣⳏ"),
    ("q", "", "ɋʠԛգզ"),
    ("r", "ŕŗřȑȓṙṛṝṟ", "ɍɼɽгѓғᴦᵲⲅꭇꭈ𖨙"),
    ("s", "śŝşšșṡṣṥṧṩ", "ƽʂѕടᵴꜱ𐑈𑣁"),
    ("ss", "ß", ""),
    ("t", "ţťŧțṫṭṯṱẗ", "ƫƭτтᎿᵵ"),
    ("tf", "", "ꝷ"),
    ("th", "þ", ""),
    ("ts", "", "ʦ"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự", "ʋΰμυϋύџսᴜᵾὐὑὒὓὔὕὖὗὺῠῡῢῦῧꞟꭎꭒ𐓶𑣘"),
    ("ue", "", "ᵫ"),
    ("uo", "", "ꭣ"),
    ("v", "ṽṿ", "νѵѷᴠ𑜆𑣀"),
    ("w", "ŵẁẃẅẇẉẘ", "ɯωώшѡѽԝաᴡⲽꝡꟺ𑓅𑜊𑜎𑜏"),
    ("x", "ẋẍ", "χхҳᕁᕽᝣ"),
    ("y", "ýÿŷƴȳẏẙỳỵỷỹ", "ɏɣʏγуўүұӯӱӳყᶌỿⲩꭚ𑣄𑣜"),
    ("z", "źżžẑẓẕ", "ƶȥʐᴢᵶⱬⲍⴭ"),
    ("0", "", "θଠ೦ዐፀᎤᎾᏫⴱⵁⵔꓳ𐊒𐊫𐌏𐔖𐔞𑣠𖦛𖫩𞅀𞋰"),
    ("2", "", "ƻᒿᘖ"),
    ("3", "", "зӡ३૩ᜂꣶ𑣊𖼻"),
    ("4", "", "чᏎ"),
    ("6", "", "бᏮⳓꕃ𑣕"),
    ("7", "", "ᜪ𑣆"),
    ("8", "", "ȣ৪੪ꖉ𐌚𖧾"),
    ("9", "", "৭੧୨൭ⳋꝯ𑣌𑣖𖧁𞋲"),
];

/// What a letter beyond ASCII is read as.
pub(super) fn likeness(letter: char) -> Option<Likeness> {
    let at = LETTERS.binary_search_by_key(&letter, |(letter, ..)| *letter).ok()?;
    let (_, row, disguises) = LETTERS[at];
    Some(Likeness { plain: ROWS[usize::from(row)].0, disguises })
}

/// In order of letter: its row, and in which column it stands.
static LETTERS: [(char, u8, bool); count()] = sorted();

const fn sorted() -> [(char, u8, bool); count()] {
    let mut letters = [('\0', 0, false); count()];
    let (mut filled, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut column = 0;
        while column < 2 {
            let text = if column == 0 { ROWS[row].1 } else { ROWS[row].2 };
            let mut at = 0;
            while at < text.len() {
                let (letter, length) = first(text.as_bytes(), at);
                at += length;
                // Shifts what is greater: rows are in order already, so little is.
                let mut place = filled;
                while place > 0 && letters[place - 1].0 as u32 > letter as u32 {
                    letters[place] = letters[place - 1];
                    place -= 1;
                }
                letters[place] = (letter, row as u8, column == 1);
                filled += 1;
            }
            column += 1;
        }
        row += 1;
    }
    letters
}

const fn count() -> usize {
    let (mut count, mut row) = (0, 0);
    while row < ROWS.len() {
        count += characters(ROWS[row].1) + characters(ROWS[row].2);
        row += 1;
    }
    count
}

const fn characters(text: &str) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < text.len() {
        at += first(text.as_bytes(), at).1;
        count += 1;
    }
    count
}

/// The character that begins there in UTF-8, and its octets.
const fn first(text: &[u8], at: usize) -> (char, usize) {
    let (lead, length) = match text[at] {
        octet @ 0..0x80 => (octet, 1),
        octet @ ..0xe0 => (octet & 0x1f, 2),
        octet @ ..0xf0 => (octet & 0x0f, 3),
        octet => (octet & 0x07, 4),
    };
    let (mut code, mut next) = (lead as u32, 1);
    while next < length {
        code = code << 6 | (text[at + next] & 0x3f) as u32;
        next += 1;
    }
    (char::from_u32(code).expect("the rows are UTF-8"), length)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::DomainName;

    #[test]
    fn the_table_is_what_the_rows_say() {
        let mut expected = HashMap::new();
        for (plain, marked, disguised) in ROWS {
            for (letters, disguises) in [(marked, false), (disguised, true)] {
                for letter in letters.chars() {
                    let twice = expected.insert(letter, Likeness { plain, disguises });
                    assert_eq!(twice, None, "{letter}");
                }
            }
        }
        assert!(expected.len() > 600, "{}", expected.len());
        assert_eq!(expected.len(), LETTERS.len());
        for letter in (0..=0x1ffff).filter_map(char::from_u32) {
            assert_eq!(likeness(letter), expected.get(&letter).copied(), "{letter}");
        }
    }

    /// What no name can hold would be a row for nothing.
    #[test]
    fn every_letter_is_one_of_names() {
        for (letter, ..) in LETTERS {
            let name = format!("a{letter}a.example");
            assert!(name.parse::<DomainName>().is_ok(), "{letter} {:x}", letter as u32);
        }
    }
}
