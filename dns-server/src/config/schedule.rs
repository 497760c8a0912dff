//! `[calendar]`, the slots and exceptional days of profiles, and the hours of codes.

use std::{iter, path::Path};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Config, Group, Spanned, typed, validated::Check};
use crate::policy::{
    calendar::{Calendar, Calendars},
    schedule::{self, During, Hours, Schedule, ScheduleError, Weekdays, parse_time},
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
    /// When.
    pub hours: Hours,
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
        let slots = slots.iter().zip(1..);
        let slots =
            slots.map(|(slot, profile)| schedule::Slot { hours: slot.hours.clone(), profile });
        let slots: Vec<_> = slots.collect();
        let days = exceptions.iter().zip(slots.len() + 1..).map(|(day, profile)| {
            schedule::Exception { first: day.first, last: day.last, profile }
        });
        let exceptions = days.collect();
        let time_zone = year.time_zone.clone();
        let schedule = Schedule { time_zone, default: 0, slots, exceptions };
        (schedule, year.calendar_of(group).clone())
    }
}

impl SchoolYear {
    /// Whether a moment is within some hours, of a group.
    pub(crate) fn is_within(&self, hours: &[Hours], group: &Group, now: Timestamp) -> bool {
        let (calendar, wall) = (self.calendar_of(group), self.time_zone.to_datetime(now));
        hours.iter().any(|hours| hours.hold(calendar, wall))
    }

    /// The calendar that a group goes by.
    fn calendar_of<'c>(&'c self, group: &'c Group) -> &'c Calendar {
        // Where none is named, nothing needs one.
        let any = || self.calendars.get("A").expect("it ships with the program");
        group.calendar.as_ref().or(self.calendar.as_ref()).unwrap_or_else(any)
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
        let typed::Slot { days, from, to, during, profile } = written;
        let hours = self.hours(days.as_ref(), from, to, during.as_ref())?;
        Some(Slot { hours, profile: profile.get_ref().clone() })
    }

    /// Some hours of some days.
    pub(super) fn hours(
        &mut self,
        days: Option<&Spanned<Vec<String>>>,
        from: &Spanned<String>,
        to: &Spanned<String>,
        during: Option<&Spanned<String>>,
    ) -> Option<Hours> {
        let days = match days {
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
        let from = self.of_schedule(from, parse_time(from.get_ref()));
        let to = self.of_schedule(to, parse_time(to.get_ref()));
        let during = match during {
            None => Some(During::Any),
            Some(during) => self.of_schedule(during, during.get_ref().parse()),
        };
        Some(Hours { days: days?, from: from?, to: to?, during: during? })
    }

    /// Notes a fault where a part of the school year is named, and some group has no calendar.
    pub(super) fn needs_calendar<'g>(
        &mut self,
        during: &Spanned<String>,
        mut groups: impl Iterator<Item = &'g Group>,
        year: &SchoolYear,
    ) {
        let part = during.get_ref();
        if part != "any" && year.calendar.is_none() && groups.any(|group| group.calendar.is_none())
        {
            let title = format!("nobody says when it is `{part}`");
            self.fault(during.span(), title, "name the school zone: [calendar] zone = \"A\"");
        }
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
