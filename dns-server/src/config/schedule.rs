//! `[calendar]`, and the slots and exceptional days of profiles.

use std::{iter, path::Path};

use super::Spanned;
use jiff::{civil::Date, tz::TimeZone};

use super::{Config, Group, typed, validated::Check};
use crate::policy::{
    calendar::{Calendar, Calendars},
    schedule::{self, During, Schedule, ScheduleError, Weekdays, parse_time},
};

/// When a profile gives way to others, which go by name here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timetable {
    /// Its weekly slots; the last that matches applies.
    pub slots: Vec<Slot>,
    /// Days that go otherwise; the last that matches applies.
    pub exceptions: Vec<Exception>,
}

/// A weekly slot: see [`schedule::Slot`](crate::policy::schedule::Slot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The days on which it begins.
    pub days: Weekdays,
    /// When it begins.
    pub from: jiff::civil::Time,
    /// When it has ended.
    pub to: jiff::civil::Time,
    /// In which part of the school year.
    pub during: During,
    /// The profile that applies.
    pub profile: String,
}

/// Whole days: see [`schedule::Exception`](crate::policy::schedule::Exception).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The first day.
    pub first: Date,
    /// The last day, itself included.
    pub last: Date,
    /// The profile that applies.
    pub profile: String,
}

impl Timetable {
    /// The profile never gives way.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.exceptions.is_empty()
    }

    /// The names of the profiles that it gives way to.
    pub fn profiles(&self) -> impl Iterator<Item = &String> {
        let of_slots = self.slots.iter().map(|slot| &slot.profile);
        of_slots.chain(self.exceptions.iter().map(|exception| &exception.profile))
    }
}

/// The wall clock and the school year that schedules go by.
#[derive(Clone, Debug, PartialEq)]
pub struct SchoolYear {
    /// Of the clock on the wall.
    pub time_zone: TimeZone,
    /// Of each group by default; none where none is needed.
    pub calendar: Option<Calendar>,
    /// All that there are.
    pub calendars: Calendars,
}

impl Default for SchoolYear {
    fn default() -> Self {
        let time_zone = TimeZone::get(PARIS).expect("it is among those built in");
        Self { time_zone, calendar: None, calendars: Calendars::shipped() }
    }
}

impl Config {
    /// Every profile that a group uses at some time, some more than once.
    pub(crate) fn profiles_in_use(&self) -> impl Iterator<Item = &String> {
        self.groups.iter().flat_map(|group| {
            let others = self.profiles[&group.profile].timetable.profiles();
            iter::once(&group.profile).chain(&group.floor).chain(others)
        })
    }

    /// When which profile applies to a group: its own, place 0, or those of its timetable, in order.
    pub(crate) fn schedule_of(&self, group: &Group) -> (Schedule, Calendar) {
        let year = &self.school_year;
        let Timetable { slots, exceptions } = &self.profiles[&group.profile].timetable;
        let slots = slots.iter().zip(1..).map(|(slot, profile)| schedule::Slot {
            days: slot.days,
            from: slot.from,
            to: slot.to,
            during: slot.during,
            profile,
        });
        let slots: Vec<_> = slots.collect();
        let days = exceptions.iter().zip(slots.len() + 1..).map(|(day, profile)| {
            schedule::Exception { first: day.first, last: day.last, profile }
        });
        let exceptions = days.collect();
        let time_zone = year.time_zone.clone();
        let calendar = group.calendar.as_ref().or(year.calendar.as_ref()).cloned();
        // Where none is named, no slot needs one.
        let calendar = calendar.unwrap_or_else(|| {
            year.calendars.get("A").cloned().expect("it ships with the program")
        });
        (Schedule { time_zone, default: 0, slots, exceptions }, calendar)
    }
}

pub(super) const PARIS: &str = "Europe/Paris";

impl Check {
    /// Relative paths start from `folder`.
    pub(super) fn school_year(&mut self, written: &typed::Calendar, folder: &Path) -> SchoolYear {
        let mut year = SchoolYear::default();
        if let Some(file) = written.file.as_ref().and_then(|path| self.text(path, folder)) {
            match Calendars::read(file) {
                Ok(own) => year.calendars = year.calendars.overridden_by(own),
                Err(error) => self.faults_of(error),
            }
        }
        if let Some(name) = &written.time_zone {
            match TimeZone::get(name.get_ref()) {
                Ok(zone) => year.time_zone = zone,
                Err(_) => {
                    let title = format!("unknown time zone `{}`", name.get_ref());
                    let help = "write a name of the IANA database, such as \"Europe/Paris\"";
                    self.fault(name.span(), title, help);
                }
            }
        }
        year.calendar = written.zone.as_ref().and_then(|zone| self.calendar(zone, &year.calendars));
        if written.alsace_moselle.unwrap_or_default() {
            year.calendar = year.calendar.map(Calendar::with_alsace_moselle);
        }
        year
    }

    /// A calendar by its name.
    pub(super) fn calendar(
        &mut self,
        written: &Spanned<String>,
        calendars: &Calendars,
    ) -> Option<Calendar> {
        let id = written.get_ref();
        let found = calendars.get(id).cloned();
        if found.is_none() {
            let known: Vec<_> = calendars.ids().collect();
            let (title, help) = match calendars.unsourced(id) {
                Some(territory) => (
                    format!("the calendar of {territory} does not ship with preau"),
                    "give its dates in a file of yours: [calendar] file".to_owned(),
                ),
                None => (
                    format!("unknown school zone `{id}`"),
                    format!("the zones are {}", known.join(", ")),
                ),
            };
            self.fault(written.span(), title, help);
        }
        found
    }

    /// The slots and exceptional days of a profile. That the profiles exist is checked once all are
    /// known.
    pub(super) fn timetable(&mut self, written: &typed::Profile) -> Timetable {
        let mut timetable = Timetable::default();
        for slot in &written.slot {
            timetable.slots.extend(self.slot(slot));
        }
        for exception in &written.exception {
            timetable.exceptions.extend(self.exception(exception));
        }
        timetable
    }

    fn slot(&mut self, written: &typed::Slot) -> Option<Slot> {
        let days = match &written.days {
            None => Some(Weekdays::ALL),
            Some(days) => {
                let texts = days.get_ref().iter().map(String::as_str);
                let days_set = self.of_schedule(days, Weekdays::parse(texts));
                if days_set.is_some_and(Weekdays::is_empty) {
                    self.fault(days.span(), "no day", "name at least one, such as \"mon-fri\"");
                }
                days_set
            }
        };
        let from = self.of_schedule(&written.from, parse_time(written.from.get_ref()));
        let to = self.of_schedule(&written.to, parse_time(written.to.get_ref()));
        let during = match &written.during {
            None => Some(During::Any),
            Some(during) => self.of_schedule(during, during.get_ref().parse()),
        };
        Some(Slot {
            days: days?,
            from: from?,
            to: to?,
            during: during?,
            profile: written.profile.get_ref().clone(),
        })
    }

    fn exception(&mut self, written: &typed::Exception) -> Option<Exception> {
        let first = self.date(&written.date);
        let last = written.to.as_ref().map_or(first, |to| self.date(to));
        let (first, last) = (first?, last?);
        if let Some(to) = written.to.as_ref().filter(|_| last < first) {
            self.fault(to.span(), "the last day is before the first", "swap them");
        }
        Some(Exception { first, last, profile: written.profile.get_ref().clone() })
    }

    fn date(&mut self, written: &Spanned<String>) -> Option<Date> {
        let date = written.get_ref().parse().ok();
        if date.is_none() {
            let title = format!("`{}` is not a date", written.get_ref());
            self.fault(written.span(), title, "write year-month-day, such as \"2026-12-19\"");
        }
        date
    }

    fn of_schedule<S, T>(
        &mut self,
        written: &Spanned<S>,
        read: Result<T, ScheduleError>,
    ) -> Option<T> {
        read.map_err(|error| {
            let text = error.to_string();
            let (title, help) = text.split_once(": ").unwrap_or((&text, ""));
            self.fault(written.span(), title, help);
        })
        .ok()
    }
}
