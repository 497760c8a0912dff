//! The French school calendar: which days have no school, and how far it is known.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{ToSpan, civil::Date};
use lists::diagnostic::TextFile;
use serde::Deserialize;
use toml::Spanned;

use super::table::{self, Table, TableError, parse_date};

const SHIPPED: &str = include_str!("../../data/calendars.toml");

/// The calendars of a table, each under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendars {
    /// The day that the table is of.
    pub dated: Date,
    calendars: Vec<Calendar>,
    unsourced: BTreeMap<String, String>,
}

/// When one zone or académie has no school.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// As a configuration names it: `A`, `reunion`.
    pub id: String,
    /// For people.
    pub label: String,
    /// The first day that it is known for.
    pub valid_from: Date,
    /// The last day that it is known for.
    pub valid_until: Date,
    /// In order, apart.
    holidays: Vec<Holidays>,
    /// Public holidays of the territory alone.
    public: Vec<MonthDay>,
    alsace_moselle: bool,
}

/// School holidays in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holidays {
    first: Date,
    last: Date,
    name: String,
}

/// A day of every year.
type MonthDay = (i8, i8);

/// What a day is to a school.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day<'a> {
    /// Term time, a Sunday among it too.
    Term,
    /// School holidays, and which.
    Holidays(&'a str),
    /// A public holiday.
    Public,
}

impl Calendars {
    /// The table that ships with the program.
    pub fn shipped() -> Self {
        table::shipped("calendars.toml", SHIPPED, Self::read)
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`TableError`], with every fault.
    pub fn read(file: Arc<TextFile>) -> Result<Self, TableError> {
        let (mut table, written) = Table::read::<typed::Table>(file)?;
        let dated = table.date(&written.dated);
        let mut calendars: Vec<Calendar> = Vec::new();
        for calendar in &written.calendar {
            if calendars.iter().any(|other| same_id(&other.id, calendar.id.get_ref())) {
                let title = format!("calendar `{}` stands twice", calendar.id.get_ref());
                table.fault(calendar.id.span(), title, "drop one of them, or rename it");
            }
            calendars.push(table.calendar(calendar));
        }
        table.finish(Self { dated, calendars, unsourced: written.unsourced })
    }

    /// The calendars of `own`, before those of this table.
    #[must_use]
    pub fn overridden_by(mut self, own: Self) -> Self {
        self.calendars.retain(|calendar| own.get(&calendar.id).is_none());
        self.calendars.extend(own.calendars);
        self
    }

    /// The calendar of that name, in either case.
    pub fn get(&self, id: &str) -> Option<&Calendar> {
        self.calendars.iter().find(|calendar| same_id(&calendar.id, id))
    }

    /// A territory that is known to have a calendar of its own, which this table does not have.
    pub fn unsourced(&self, id: &str) -> Option<&str> {
        self.unsourced.iter().find(|(other, _)| same_id(other, id)).map(|(_, label)| label.as_str())
    }

    /// The names of all calendars.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.calendars.iter().map(|calendar| calendar.id.as_str())
    }
}

fn same_id(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Calendar {
    /// The same, with the public holidays of Alsace and Moselle (Code du travail L3134-13).
    #[must_use]
    pub fn with_alsace_moselle(mut self) -> Self {
        self.alsace_moselle = true;
        self
    }

    /// What a day is. Where the calendar [does not reach](Self::covers), every day is term time but
    /// public holidays.
    pub fn day(&self, date: Date) -> Day<'_> {
        if self.is_public(date) {
            return Day::Public;
        }
        let after = self.holidays.partition_point(|holidays| holidays.first <= date);
        match after.checked_sub(1).map(|index| &self.holidays[index]) {
            Some(holidays) if date <= holidays.last => Day::Holidays(&holidays.name),
            _ => Day::Term,
        }
    }

    /// True on school holidays and public holidays.
    pub fn is_holiday(&self, date: Date) -> bool {
        self.day(date) != Day::Term
    }

    /// True when the calendar says something of that day. Past it, its being term time is a guess,
    /// the strict one.
    pub fn covers(&self, date: Date) -> bool {
        (self.valid_from..=self.valid_until).contains(&date)
    }

    /// Public holidays of France (Code du travail L3133-1) and of the territory.
    fn is_public(&self, date: Date) -> bool {
        const FIXED: [MonthDay; 8] =
            [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
        const EASTER_MONDAY: i32 = 1;
        const ASCENSION: i32 = 39;
        const WHIT_MONDAY: i32 = 50;
        const GOOD_FRIDAY: i32 = -2;
        const SAINT_STEPHEN: MonthDay = (12, 26);

        let month_day = (date.month(), date.day());
        let from_easter = date.day_of_year() as i32 - easter(date.year()).day_of_year() as i32;
        FIXED.contains(&month_day)
            || self.public.contains(&month_day)
            || [EASTER_MONDAY, ASCENSION, WHIT_MONDAY].contains(&from_easter)
            || self.alsace_moselle && (from_easter == GOOD_FRIDAY || month_day == SAINT_STEPHEN)
    }
}

/// Easter Sunday of the Gregorian calendar (Meeus, *Astronomical Algorithms*, chapter 8).
fn easter(year: i16) -> Date {
    let year = i32::from(year);
    let moon = year.rem_euclid(19);
    let (century, in_century) = (year.div_euclid(100), year.rem_euclid(100));
    let correction = (century + 8).div_euclid(25);
    let epact_base = 19 * moon + century - century.div_euclid(4);
    let epact = (epact_base - (century - correction + 1).div_euclid(3) + 15).rem_euclid(30);
    let weekday = (32 + 2 * century.rem_euclid(4) + 2 * in_century.div_euclid(4)
        - epact
        - in_century.rem_euclid(4))
    .rem_euclid(7);
    let late = (moon + 11 * epact + 22 * weekday).div_euclid(451);
    let days = epact + weekday - 7 * late; // after 22 March
    let earliest = jiff::civil::date(year as i16, 3, 22);
    earliest.saturating_add(days.days())
}

impl Table {
    fn calendar(&mut self, written: &typed::Calendar) -> Calendar {
        if written.id.get_ref().trim().is_empty() {
            self.fault(written.id.span(), "a calendar without a name", "write id = \"A\"");
        }
        let valid_from = self.date(&written.valid_from);
        let valid_until = self.date(&written.valid_until);
        if valid_until < valid_from {
            let help = "`valid_until` is the last day that the calendar knows";
            self.fault(written.valid_until.span(), "ends before it begins", help);
        }
        let mut holidays: Vec<Holidays> = Vec::new();
        for period in &written.holidays {
            let (first, last) = (self.date(&period.first), self.date(&period.last));
            if last < first {
                let help = "both days are without school; `last` is not the day of return";
                self.fault(period.last.span(), "ends before it begins", help);
            }
            if holidays.last().is_some_and(|before| first <= before.last) {
                let help = "write holidays in order, each after the one before";
                self.fault(period.first.span(), "begins before the one before has ended", help);
            }
            if first < valid_from || last > valid_until {
                let help = "widen `valid_from` and `valid_until`, or mend the date";
                self.fault(period.first.span(), "outside of the calendar's days", help);
            }
            holidays.push(Holidays { first, last, name: period.name.clone() });
        }
        let public = written.public.iter().map(|day| self.month_day(day)).collect();
        Calendar {
            id: written.id.get_ref().clone(),
            label: written.label.clone(),
            valid_from,
            valid_until,
            holidays,
            public,
            alsace_moselle: false,
        }
    }

    fn month_day(&mut self, written: &Spanned<String>) -> MonthDay {
        // A leap year, since 29 February is a day of some.
        let date = parse_date(&format!("2028-{}", written.get_ref()));
        date.map(|date| (date.month(), date.day())).unwrap_or_else(|| {
            let title = format!("`{}` is not a day of the year", written.get_ref());
            self.fault(written.span(), title, "write month-day, such as \"12-20\"");
            (1, 1)
        })
    }
}

/// The table as it is written.
mod typed {
    use super::{BTreeMap, Deserialize, Spanned};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Table {
        pub(super) dated: Spanned<String>,
        #[serde(default)]
        pub(super) calendar: Vec<Calendar>,
        #[serde(default)]
        pub(super) unsourced: BTreeMap<String, String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Calendar {
        pub(super) id: Spanned<String>,
        pub(super) label: String,
        pub(super) valid_from: Spanned<String>,
        pub(super) valid_until: Spanned<String>,
        #[serde(default)]
        pub(super) public: Vec<Spanned<String>>,
        pub(super) holidays: Vec<Holidays>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Holidays {
        pub(super) first: Spanned<String>,
        pub(super) last: Spanned<String>,
        pub(super) name: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn shipped(id: &str) -> Calendar {
        Calendars::shipped().get(id).unwrap().clone()
    }

    #[test]
    fn the_shipped_table() {
        let calendars = Calendars::shipped();
        let ids: Vec<_> = calendars.ids().collect();
        assert_eq!(ids, ["A", "B", "C", "corse", "reunion", "nouvelle-caledonie"]);
        // Days without school of the school year, weekends among them; public holidays apart.
        let days = |id: &str, first: &str, last: &str| {
            let calendar = calendars.get(id).unwrap();
            let holidays = calendar.holidays.iter();
            let within = holidays.filter(|h| h.first >= date(first) && h.last <= date(last));
            within.map(|h| (h.last - h.first).get_days() + 1).sum::<i32>()
        };
        for (zone, next_year) in [("A", 126), ("B", 125), ("C", 126)] {
            assert_eq!(days(zone, "2026-09-01", "2027-08-31"), 127, "{zone}");
            assert_eq!(days(zone, "2027-09-01", "2028-08-31"), next_year, "{zone}");
            let calendar = calendars.get(zone).unwrap();
            assert!(calendar.covers(date("2028-08-31")));
            assert!(!calendar.covers(date("2028-09-01")));
        }
        assert_eq!(days("reunion", "2026-08-18", "2027-08-15"), 123);
        assert!(calendars.unsourced("Martinique").is_some());
        for id in calendars.unsourced.keys() {
            assert!(calendars.get(id).is_none(), "{id} is sourced after all");
        }
    }

    #[test]
    fn days() {
        let cases: &[(&str, &str, Day)] = &[
            ("A", "2026-10-16", Day::Term),
            ("A", "2026-10-17", Day::Holidays("Toussaint")),
            ("A", "2026-10-31", Day::Holidays("Toussaint")),
            ("A", "2026-11-01", Day::Public),
            ("A", "2026-11-02", Day::Term),
            ("a", "2027-01-03", Day::Holidays("Noël")),
            ("A", "2027-01-04", Day::Term),
            ("A", "2027-02-15", Day::Holidays("hiver")),
            ("B", "2027-02-15", Day::Term),
            ("C", "2027-02-15", Day::Holidays("hiver")),
            ("B", "2027-05-06", Day::Public),
            ("B", "2027-05-07", Day::Holidays("pont de l’Ascension")),
            ("C", "2027-05-17", Day::Public),
            ("reunion", "2026-12-20", Day::Public),
            ("A", "2026-12-20", Day::Holidays("Noël")),
            ("reunion", "2027-03-16", Day::Term),
            ("reunion", "2027-03-17", Day::Holidays("troisième période")),
            ("nouvelle-caledonie", "2026-09-24", Day::Public),
            ("A", "2026-09-24", Day::Term),
            // Past the last date: school time, but for public holidays.
            ("A", "2029-08-10", Day::Term),
            ("A", "2029-08-15", Day::Public),
        ];
        for (id, day, expected) in cases {
            assert_eq!(shipped(id).day(date(day)), *expected, "{id} {day}");
        }
    }

    #[test]
    fn public_holidays() {
        let calendar = Calendar { holidays: Vec::new(), ..shipped("B") };
        let alsace = calendar.clone().with_alsace_moselle();
        let of = |calendar: &Calendar, year: i16| {
            let days = jiff::civil::date(year, 1, 1).series(1.day()).take(366);
            let public = days.filter(|day| day.year() == year && calendar.is_holiday(*day));
            public.map(|day| day.strftime("%m-%d").to_string()).collect::<Vec<_>>().join(" ")
        };
        // service-public.fr, F2405.
        let years = [
            (2025, "01-01 04-21 05-01 05-08 05-29 06-09 07-14 08-15 11-01 11-11 12-25"),
            (2026, "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"),
            (2027, "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25"),
            (2028, "01-01 04-17 05-01 05-08 05-25 06-05 07-14 08-15 11-01 11-11 12-25"),
        ];
        for (year, expected) in years {
            assert_eq!(of(&calendar, year), expected, "{year}");
        }
        let expected =
            "01-01 03-26 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25 12-26";
        assert_eq!(of(&alsace, 2027), expected);
    }

    #[test]
    fn easter_sundays() {
        // US Naval Observatory, "The Date of Easter"; the earliest, the latest and the odd ones.
        let known = [
            "1818-03-22",
            "1886-04-25",
            "1943-04-25",
            "1954-04-18",
            "1961-04-02",
            "1981-04-19",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2029-04-01",
            "2030-04-21",
            "2038-04-25",
            "2049-04-18",
            "2076-04-19",
            "2285-03-22",
        ];
        for known in known.map(date) {
            assert_eq!(easter(known.year()), known);
        }
        for year in 1583..=9999 {
            let easter = easter(year);
            assert_eq!(easter.weekday(), jiff::civil::Weekday::Sunday, "{easter}");
            assert!((date("2000-03-22").day_of_year() - 1..=116).contains(&easter.day_of_year()));
        }
    }

    #[test]
    fn an_operator_overrides() {
        let own = Calendars::read(file(
            "dated = \"2026-12-01\"\n[[calendar]]\nid = \"Martinique\"\nlabel = \"ours\"\n\
             valid_from = \"2026-09-01\"\nvalid_until = \"2027-07-02\"\npublic = [\"05-22\"]\n\
             holidays = [{ first = \"2027-02-06\", last = \"2027-02-21\", name = \"carnaval\" }]\n\
             [[calendar]]\nid = \"a\"\nlabel = \"ours\"\nvalid_from = \"2026-09-01\"\n\
             valid_until = \"2027-07-02\"\nholidays = []\n",
        ))
        .unwrap();
        let calendars = Calendars::shipped().overridden_by(own);
        let day = |id: &str, day: &str| calendars.get(id).unwrap().is_holiday(date(day));
        assert!(day("martinique", "2027-02-10"));
        assert!(day("martinique", "2027-05-22"));
        assert!(!day("A", "2027-02-15"));
        assert!(day("B", "2027-02-22"));
    }

    fn file(text: &str) -> Arc<TextFile> {
        Arc::new(TextFile { path: "own.toml".into(), text: text.into() })
    }

    #[test]
    fn faults_say_where() {
        const HEAD: &str = "dated = \"2026-12-01\"\n[[calendar]]\nid = \"x\"\nlabel = \"x\"\n";
        let valid = "valid_from = \"2026-09-01\"\nvalid_until = \"2027-07-02\"\n";
        let period = |first: &str, last: &str| {
            format!("holidays = [{{ first = \"{first}\", last = \"{last}\", name = \"n\" }}]\n")
        };
        let cases = [
            ("dated = 3\n".into(), (1, 9), "invalid type: integer `3`, expected a string"),
            ("dated = \"1 mai\"\n".into(), (1, 9), "`1 mai` is not a date"),
            ("dated = \"20261201\"\n".into(), (1, 9), "`20261201` is not a date"),
            (
                format!("{HEAD}{valid}{}", period("2027-02-30", "2027-03-01")),
                (7, 23),
                "`2027-02-30` is not a date",
            ),
            (
                format!("{HEAD}{valid}{}", period("2027-02-20", "2027-02-19")),
                (7, 44),
                "ends before it begins",
            ),
            (
                format!("{HEAD}{valid}{}", period("2027-07-01", "2027-07-03")),
                (7, 23),
                "outside of the calendar's days",
            ),
            (
                format!(
                    "{HEAD}valid_from = \"2026-09-01\"\nvalid_until = \"2026-08-01\"\nholidays = []\n"
                ),
                (6, 15),
                "ends before it begins",
            ),
            (
                format!("{HEAD}{valid}public = [\"13-01\"]\nholidays = []\n"),
                (7, 11),
                "`13-01` is not a day of the year",
            ),
            (
                format!(
                    "{HEAD}{valid}holidays = []\n[[calendar]]\nid = \"X\"\nlabel = \"\"\n{valid}holidays = []\n"
                ),
                (9, 6),
                "calendar `X` stands twice",
            ),
            (format!("{HEAD}{valid}holiday = []\n"), (7, 1), "unknown field `holiday`"),
        ];
        for (text, location, title) in cases {
            let error = Calendars::read(file(&text)).unwrap_err();
            let fault = &error.faults()[0];
            assert_eq!(fault.location(), location, "{error}");
            assert!(error.to_string().contains(title), "{title}\n{error}");
        }
    }
}
