//! Which profile applies when: weekly slots, school calendar, exceptions by date.
//!
//! Slots are read off the wall clock of one time zone: a slot from 08:00 to 12:00 applies whenever a
//! clock on the wall shows a time from 08:00 until before 12:00. Where the clock goes forward, times
//! that it skips never come; where it goes back, those that it shows twice come twice.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use thiserror::Error;

use super::calendar::Calendar;

/// Which profile applies when, to one audience. Profiles are places in a list of the caller's.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Of the clock on the wall.
    pub time_zone: TimeZone,
    /// The profile outside of every slot and exception.
    pub default: usize,
    /// The last that matches applies.
    pub slots: Vec<Slot>,
    /// Days that go otherwise, whatever the slots say; the last that matches applies.
    pub exceptions: Vec<Exception>,
}

/// Some hours in which another profile applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When.
    pub hours: Hours,
    /// The profile that applies.
    pub profile: usize,
}

/// Some hours of some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days on which they begin.
    pub days: Weekdays,
    /// When they begin.
    pub from: Time,
    /// When they have ended. No later than `from`, it is a time of the next day: they still belong to
    /// the day on which they begin.
    pub to: Time,
    /// In which part of the school year the day on which they begin has to be.
    pub during: During,
}

/// Whole days, from midnight to midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The first day.
    pub first: Date,
    /// The last day, itself included.
    pub last: Date,
    /// The profile that applies.
    pub profile: usize,
}

/// A part of the school year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum During {
    /// Days with school, by the calendar, and week-ends between them.
    Term,
    /// School holidays and public holidays.
    Holiday,
    /// All the year.
    #[default]
    Any,
}

/// A set of days of the week.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Weekdays(u8);

impl Schedule {
    /// The profile that applies at a moment.
    pub fn at(&self, calendar: &Calendar, moment: Timestamp) -> usize {
        let wall = self.time_zone.to_datetime(moment);
        let on = wall.date();
        let exception =
            self.exceptions.iter().rev().find(|day| (day.first..=day.last).contains(&on));
        if let Some(exception) = exception {
            return exception.profile;
        }
        let slot = self.slots.iter().rev().find(|slot| slot.hours.hold(calendar, wall));
        slot.map_or(self.default, |slot| slot.profile)
    }

    /// What applies from `start` until before `until`: the profile at `start`, then each change with
    /// its moment, in order.
    pub fn timeline(
        &self,
        calendar: &Calendar,
        start: Timestamp,
        until: Timestamp,
    ) -> Vec<(Timestamp, usize)> {
        let mut changes = vec![(start, self.at(calendar, start))];
        let mut moments = self.moments(start, until);
        moments.retain(|moment| (start..until).contains(moment));
        moments.sort_unstable();
        moments.dedup();
        for moment in moments {
            let profile = self.at(calendar, moment);
            if changes.last().is_some_and(|(_, before)| *before != profile) {
                changes.push((moment, profile));
            }
        }
        changes
    }

    /// True when the school calendar has a say.
    pub fn needs_calendar(&self) -> bool {
        self.slots.iter().any(|slot| slot.hours.during != During::Any)
    }

    /// Every moment at which the profile may change: the wall clock shows midnight or a time of a
    /// slot, or is put forward or back.
    fn moments(&self, start: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let zone = &self.time_zone;
        let put = zone.following(start).map(|transition| transition.timestamp());
        let mut moments: Vec<_> = put.take_while(|moment| *moment < until).collect();

        let mut times: Vec<_> =
            self.slots.iter().flat_map(|slot| [slot.hours.from, slot.hours.to]).collect();
        times.push(Time::midnight());
        times.sort_unstable();
        times.dedup();
        let last = zone.to_datetime(until).date();
        let mut day = zone.to_datetime(start).date();
        while day <= last {
            for time in &times {
                // One moment, but where the clock is put. Forward: none shows that time, and it is
                // the transition that counts. Back: both show it.
                let shown = zone.to_ambiguous_timestamp(day.to_datetime(*time));
                moments.extend(shown.earlier().ok());
                moments.extend(shown.later().ok());
            }
            match day.checked_add(1.day()) {
                Ok(next) => day = next,
                Err(_) => break, // the end of year 9999
            }
        }
        moments
    }
}

impl Hours {
    /// Whether it is these hours by a clock on the wall.
    pub fn hold(&self, calendar: &Calendar, wall: DateTime) -> bool {
        let (day, time) = (wall.date(), wall.time());
        if self.from < self.to {
            return (self.from..self.to).contains(&time) && self.begins(calendar, day);
        }
        time >= self.from && self.begins(calendar, day)
            || time < self.to
                && day.yesterday().is_ok_and(|yesterday| self.begins(calendar, yesterday))
    }

    fn begins(&self, calendar: &Calendar, day: Date) -> bool {
        self.days.contains(day.weekday())
            && match self.during {
                During::Any => true,
                During::Term => !calendar.is_holiday(day),
                During::Holiday => calendar.is_holiday(day),
            }
    }
}

impl Weekdays {
    /// Every day.
    pub const ALL: Self = Self(0b111_1111);

    /// From what is written: `mon`, `lundi`, `mon-fri`, `sam-dim`; a range may go past Sunday.
    ///
    /// # Errors
    /// [`ScheduleError::Day`], with the first that is no day.
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, ScheduleError> {
        let mut days = Self::default();
        for text in texts {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            let (first, last) = (weekday(first)?, weekday(last)?);
            let range = first.cycle_forward().take(first.until(last) as usize + 1);
            days = range.fold(days, Self::with);
        }
        Ok(days)
    }

    /// True when it holds that day.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }

    /// True when it holds no day.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn with(self, day: Weekday) -> Self {
        Self(self.0 | Self::bit(day))
    }

    fn bit(day: Weekday) -> u8 {
        1 << day.to_monday_zero_offset()
    }
}

impl fmt::Debug for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = Weekday::Monday.cycle_forward().take(7).filter(|day| self.contains(*day));
        f.debug_set().entries(days).finish()
    }
}

/// The name of a day, English or French, whole or its first three letters.
fn weekday(text: &str) -> Result<Weekday, ScheduleError> {
    const NAMES: [(Weekday, &str, &str); 7] = [
        (Weekday::Monday, "monday", "lundi"),
        (Weekday::Tuesday, "tuesday", "mardi"),
        (Weekday::Wednesday, "wednesday", "mercredi"),
        (Weekday::Thursday, "thursday", "jeudi"),
        (Weekday::Friday, "friday", "vendredi"),
        (Weekday::Saturday, "saturday", "samedi"),
        (Weekday::Sunday, "sunday", "dimanche"),
    ];
    let lower = text.trim().to_lowercase();
    let is = |name: &str| lower == name || lower == name[..3];
    let found = NAMES.iter().find(|(_, english, french)| is(english) || is(french));
    found.map(|(day, ..)| *day).ok_or_else(|| ScheduleError::Day(text.to_owned()))
}

/// A time of the day as `08:00`. `24:00` is midnight, at which a slot may end.
///
/// # Errors
/// [`ScheduleError::Time`].
pub fn parse_time(text: &str) -> Result<Time, ScheduleError> {
    let fault = || ScheduleError::Time(text.to_owned());
    let two_digits = |text: &str| match text.as_bytes() {
        [b'0'..=b'9', b'0'..=b'9'] => text.parse::<i8>().ok(),
        _ => None,
    };
    let (hour, minute) = text.split_once(':').ok_or_else(fault)?;
    match (two_digits(hour), two_digits(minute)) {
        (Some(24), Some(0)) => Ok(Time::midnight()),
        (Some(hour), Some(minute)) => Time::new(hour, minute, 0, 0).map_err(|_| fault()),
        _ => Err(fault()),
    }
}

impl FromStr for During {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        match text {
            "term" => Ok(Self::Term),
            "holiday" => Ok(Self::Holiday),
            "any" => Ok(Self::Any),
            _ => Err(ScheduleError::During(text.to_owned())),
        }
    }
}

/// What is not part of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// Not a day of the week.
    #[error("`{0}` is not a day of the week: write \"mon\", \"lundi\" or \"mon-fri\"")]
    Day(String),
    /// Not a time of the day.
    #[error("`{0}` is not a time of the day: write \"08:00\"")]
    Time(String),
    /// Not a part of the school year.
    #[error("`{0}` is not a part of the school year: write \"term\", \"holiday\" or \"any\"")]
    During(String),
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, civil::date};
    use proptest::prelude::*;

    use super::*;
    use crate::policy::calendar::Calendars;

    fn paris() -> TimeZone {
        TimeZone::get("Europe/Paris").unwrap()
    }

    fn zone_a() -> Calendar {
        Calendars::shipped().get("A").unwrap().clone()
    }

    fn slot(days: &str, from: &str, to: &str, during: During, profile: usize) -> Slot {
        let days = Weekdays::parse(days.split(' ')).unwrap();
        let [from, to] = [from, to].map(|time| parse_time(time).unwrap());
        Slot { hours: Hours { days, from, to, during }, profile }
    }

    fn schedule(slots: Vec<Slot>) -> Schedule {
        Schedule { time_zone: paris(), default: 0, slots, exceptions: Vec::new() }
    }

    fn wall(text: &str) -> Timestamp {
        text.parse::<DateTime>().unwrap().to_zoned(paris()).unwrap().timestamp()
    }

    /// A line a change, as the wall clock shows it.
    fn shown(schedule: &Schedule, start: &str, until: &str) -> Vec<String> {
        let changes = schedule.timeline(&zone_a(), wall(start), wall(until));
        let line = |(moment, profile): &(Timestamp, usize)| {
            let zoned = moment.to_zoned(schedule.time_zone.clone());
            format!("{} {profile}", zoned.strftime("%m-%d %H:%M %Z"))
        };
        changes.iter().map(line).collect()
    }

    #[test]
    fn a_school_week() {
        let schedule = schedule(vec![
            slot("mon-fri", "08:00", "16:30", During::Term, 1),
            slot("mon-fri", "12:00", "13:30", During::Term, 2),
            slot("mer", "12:00", "24:00", During::Term, 3),
        ]);
        // Wednesday to Friday; then Saturday to the Monday of the Christmas holidays.
        let expected = [
            "12-16 00:00 CET 0",
            "12-16 08:00 CET 1",
            "12-16 12:00 CET 3",
            "12-17 00:00 CET 0",
            "12-17 08:00 CET 1",
            "12-17 12:00 CET 2",
            "12-17 13:30 CET 1",
            "12-17 16:30 CET 0",
            "12-18 08:00 CET 1",
            "12-18 12:00 CET 2",
            "12-18 13:30 CET 1",
            "12-18 16:30 CET 0",
        ];
        assert_eq!(shown(&schedule, "2026-12-16T00:00", "2026-12-22T00:00"), expected);
    }

    #[test]
    fn a_night_belongs_to_the_day_it_begins() {
        // Friday 16 October is term time; Saturday 17 is not, nor is Sunday 1 November.
        let schedule = schedule(vec![slot("fri sun", "21:00", "07:00", During::Term, 1)]);
        let expected = ["10-16 12:00 CEST 0", "10-16 21:00 CEST 1", "10-17 07:00 CEST 0"];
        assert_eq!(shown(&schedule, "2026-10-16T12:00", "2026-11-06T12:00"), expected);
        // From one time to the same: a whole day.
        let schedule = self::schedule(vec![slot("tue", "06:00", "06:00", During::Any, 1)]);
        let expected = ["12-01 00:00 CET 0", "12-01 06:00 CET 1", "12-02 06:00 CET 0"];
        assert_eq!(shown(&schedule, "2026-12-01T00:00", "2026-12-08T00:00"), expected);
    }

    #[test]
    fn exceptions_are_whole_days_and_the_last_one_wins() {
        let exception = |first: Date, last: Date, profile| Exception { first, last, profile };
        let schedule = Schedule {
            exceptions: vec![
                exception(date(2026, 12, 2), date(2026, 12, 4), 5),
                exception(date(2026, 12, 3), date(2026, 12, 3), 6),
            ],
            ..schedule(vec![slot("mon-sun", "20:00", "08:00", During::Any, 1)])
        };
        let expected = [
            "12-01 12:00 CET 0",
            "12-01 20:00 CET 1",
            "12-02 00:00 CET 5",
            "12-03 00:00 CET 6",
            "12-04 00:00 CET 5",
            "12-05 00:00 CET 1",
            "12-05 08:00 CET 0",
        ];
        assert_eq!(shown(&schedule, "2026-12-01T12:00", "2026-12-05T12:00"), expected);
    }

    #[test]
    fn the_clock_goes_forward_and_back() {
        let nights = schedule(vec![
            slot("sun", "02:15", "02:45", During::Any, 1),
            slot("sun", "02:30", "05:00", During::Any, 2),
        ]);
        // 2027-03-28: 02:00 CET is 03:00 CEST. The first slot never comes, the second begins late.
        let spring = ["03-28 00:00 CET 0", "03-28 03:00 CEST 2", "03-28 05:00 CEST 0"];
        assert_eq!(shown(&nights, "2027-03-28T00:00", "2027-03-29T00:00"), spring);
        // 2026-10-25: 03:00 CEST is 02:00 CET. The hour comes twice.
        let autumn = [
            "10-25 00:00 CEST 0",
            "10-25 02:15 CEST 1",
            "10-25 02:30 CEST 2",
            "10-25 02:00 CET 0",
            "10-25 02:15 CET 1",
            "10-25 02:30 CET 2",
            "10-25 05:00 CET 0",
        ];
        assert_eq!(shown(&nights, "2026-10-25T00:00", "2026-10-26T00:00"), autumn);
    }

    #[test]
    fn elsewhere() {
        let school = |zone: &str| Schedule {
            time_zone: TimeZone::get(zone).unwrap(),
            ..schedule(vec![slot("mon-fri", "08:00", "16:00", During::Any, 1)])
        };
        let noon_utc: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        let cases = [
            ("Europe/Paris", 1),
            ("Indian/Reunion", 0),
            ("America/Martinique", 1),
            ("Pacific/Noumea", 0),
            ("Pacific/Tahiti", 0),
            ("America/Miquelon", 1),
        ];
        for (zone, expected) in cases {
            assert_eq!(school(zone).at(&zone_a(), noon_utc), expected, "{zone}");
        }
    }

    #[test]
    fn days_of_the_week() {
        let cases: &[(&str, Result<&str, &str>)] = &[
            ("mon tue", Ok("{Monday, Tuesday}")),
            ("lun-ven", Ok("{Monday, Tuesday, Wednesday, Thursday, Friday}")),
            ("Samedi Sunday", Ok("{Saturday, Sunday}")),
            ("sat-mon", Ok("{Monday, Saturday, Sunday}")),
            ("mer", Ok("{Wednesday}")),
            ("mon-mon", Ok("{Monday}")),
            ("", Err("")),
            ("mon-", Err("")),
            ("mon lu", Err("lu")),
            ("é", Err("é")),
        ];
        for (text, expected) in cases {
            let days = Weekdays::parse(text.split(' ')).map(|days| format!("{days:?}"));
            let expected = match expected {
                Ok(days) => Ok((*days).to_owned()),
                Err(day) => Err(ScheduleError::Day((*day).to_owned())),
            };
            assert_eq!(days, expected, "{text}");
        }
        assert!(Weekdays::parse([]).unwrap().is_empty());
    }

    #[test]
    fn times_of_the_day() {
        for (text, expected) in
            [("08:00", "08:00:00"), ("23:59", "23:59:00"), ("24:00", "00:00:00")]
        {
            assert_eq!(parse_time(text).unwrap().to_string(), expected, "{text}");
        }
        for text in
            ["", "8:00", "08", "08:0", "08:60", "24:01", "25:00", "-8:00", "08:00:00", "+8:00"]
        {
            assert_eq!(parse_time(text), Err(ScheduleError::Time(text.to_owned())), "{text}");
        }
    }

    /// Obviously right: asks at every minute.
    fn minute_by_minute(
        schedule: &Schedule,
        calendar: &Calendar,
        start: Timestamp,
        until: Timestamp,
    ) -> Vec<(Timestamp, usize)> {
        let mut changes: Vec<(Timestamp, usize)> = Vec::new();
        let mut moment = start;
        while moment < until {
            let profile = oracle(schedule, calendar, moment);
            if changes.last().is_none_or(|(_, before)| *before != profile) {
                changes.push((moment, profile));
            }
            moment += SignedDuration::from_mins(1);
        }
        changes
    }

    /// Obviously right: counts minutes of the week, and paints over.
    fn oracle(schedule: &Schedule, calendar: &Calendar, moment: Timestamp) -> usize {
        let wall = moment.to_zoned(schedule.time_zone.clone());
        let minute_of = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
        let mut profile = schedule.default;
        for slot in &schedule.slots {
            let (from, to) = (minute_of(slot.hours.from), minute_of(slot.hours.to));
            let end = if to <= from { to + 24 * 60 } else { to };
            for days_ago in [0, 1] {
                let begun = wall.date().checked_sub(days_ago.days()).unwrap();
                let now = minute_of(wall.time()) + days_ago * 24 * 60;
                let in_season = match slot.hours.during {
                    During::Any => true,
                    During::Term => !calendar.is_holiday(begun),
                    During::Holiday => calendar.is_holiday(begun),
                };
                if in_season
                    && slot.hours.days.contains(begun.weekday())
                    && from <= now
                    && now < end
                {
                    profile = slot.profile;
                }
            }
        }
        for exception in &schedule.exceptions {
            if exception.first <= wall.date() && wall.date() <= exception.last {
                profile = exception.profile;
            }
        }
        profile
    }

    fn time() -> impl Strategy<Value = Time> {
        // Often at an hour that a clock skips or shows twice.
        let hour = prop_oneof![1i8..4, 0i8..24];
        let minute = prop::sample::select(vec![0i8, 1, 15, 30, 59]);
        (hour, minute).prop_map(|(hour, minute)| Time::new(hour, minute, 0, 0).unwrap())
    }

    fn any_slot() -> impl Strategy<Value = Slot> {
        let during = prop::sample::select(vec![During::Term, During::Holiday, During::Any]);
        (0u8..128, time(), time(), during, 0usize..5).prop_map(
            |(days, from, to, during, profile)| Slot {
                hours: Hours { days: Weekdays(days), from, to, during },
                profile,
            },
        )
    }

    fn any_schedule() -> impl Strategy<Value = Schedule> {
        let exception = (0i64..380, 0i64..10, 0usize..5).prop_map(|(first, days, profile)| {
            let first = date(2026, 9, 1) + first.days();
            Exception { first, last: first + days.days(), profile }
        });
        // Half an hour of summer time; clocks that are put at midnight; none at all.
        let zones = ["Europe/Paris", "Australia/Lord_Howe", "America/Havana", "Pacific/Noumea"];
        (
            prop::sample::select(zones.to_vec()),
            prop::collection::vec(any_slot(), 0..6),
            prop::collection::vec(exception, 0..4),
        )
            .prop_map(|(zone, slots, exceptions)| Schedule {
                time_zone: TimeZone::get(zone).unwrap(),
                default: 0,
                slots,
                exceptions,
            })
    }

    proptest! {
        #[test]
        fn agrees_with_every_minute(schedule in any_schedule(), day in 0i64..370, minute in 0i64..1440) {
            let calendar = zone_a();
            let start = "2026-08-25T00:00:00Z".parse::<Timestamp>().unwrap()
                + SignedDuration::from_mins(day * 1440 + minute);
            let until = start + SignedDuration::from_hours(9 * 24);
            prop_assert_eq!(
                schedule.timeline(&calendar, start, until),
                minute_by_minute(&schedule, &calendar, start, until)
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        /// A school year, with both changes of the clock.
        #[test]
        fn agrees_with_every_minute_of_a_year(schedule in any_schedule()) {
            let calendar = zone_a();
            let start = "2026-09-01T00:00:00Z".parse().unwrap();
            let until = "2027-09-01T00:00:00Z".parse().unwrap();
            prop_assert_eq!(
                schedule.timeline(&calendar, start, until),
                minute_by_minute(&schedule, &calendar, start, until)
            );
        }
    }
}
