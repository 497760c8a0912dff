//! What a group may see now, and until when.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{audience::Audience, calendar::Calendar, schedule::Schedule};

/// What a group may see, moment by moment, as far ahead as it was worked out.
///
/// Schedules and calendars are worked out before questions come: a question compares numbers.
#[derive(Clone, Debug)]
pub struct Plan {
    timetable: Option<Arc<Timetable>>,
    /// Places in the timetable's audiences, with the moment from which each holds, in order of
    /// time; never empty. The first holds before its moment, too: a clock may jump back.
    changes: Vec<(Timestamp, usize)>,
    /// What holds, by place; the first outside of every slot. Never empty.
    audiences: Arc<[Audience]>,
    /// How far ahead that was worked out; the last holds on after it.
    end: Timestamp,
}

/// When what holds.
#[derive(Debug)]
struct Timetable {
    schedule: Schedule,
    calendar: Calendar,
}

/// What holds at a moment.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'p> {
    /// What may be seen.
    pub audience: &'p Audience,
    /// Until when; `None` where it never changes.
    pub until: Option<Timestamp>,
    /// It holds for a slot or an exceptional day only.
    pub is_passing: bool,
}

/// How far back a plan is worked out: a clock that is put right need not wait for a new one.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// How far ahead.
const AHEAD: SignedDuration = SignedDuration::from_hours(8 * 24);
/// How far ahead a plan reaches at least that is still good.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

impl Plan {
    /// The same at all times.
    pub fn always(audience: Audience) -> Self {
        Self {
            timetable: None,
            changes: vec![(Timestamp::MIN, 0)],
            audiences: [audience].into(),
            end: Timestamp::MAX,
        }
    }

    /// By a schedule whose profiles are places in `audiences`, worked out for some days around
    /// `now`. `audiences` must hold each of them.
    pub fn scheduled(
        schedule: Schedule,
        calendar: Calendar,
        audiences: Vec<Audience>,
        now: Timestamp,
    ) -> Self {
        let timetable = Timetable { schedule, calendar };
        let plan = Self {
            timetable: Some(Arc::new(timetable)),
            changes: Vec::new(),
            audiences: audiences.into(),
            end: now,
        };
        plan.worked_out(now)
    }

    /// The same plan, worked out for some days around `now`.
    #[must_use]
    pub fn worked_out(&self, now: Timestamp) -> Self {
        let mut plan = self.clone();
        if let Some(Timetable { schedule, calendar }) = self.timetable.as_deref() {
            let start = now.saturating_sub(BACK).unwrap_or(Timestamp::MIN);
            plan.end = now.saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
            plan.changes = schedule.timeline(calendar, start, plan.end);
        }
        plan
    }

    /// True when it has to be [worked out](Self::worked_out) anew: it soon ends, or the clock was
    /// put back behind its beginning.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let soon = now.saturating_add(MARGIN).unwrap_or(Timestamp::MAX);
        self.timetable.is_some() && (soon > self.end || now < self.changes[0].0)
    }

    /// What holds at `now`.
    pub fn at(&self, now: Timestamp) -> InForce<'_> {
        let later = self.changes.partition_point(|(from, _)| *from <= now);
        let next = self.changes.get(later).map(|(from, _)| *from);
        let until = next.or(self.timetable.as_ref().map(|_| self.end));
        let (_, place) = self.changes[later.saturating_sub(1)];
        InForce { audience: &self.audiences[place], until, is_passing: place != 0 }
    }
}

#[cfg(test)]
mod tests {
    use jiff::{civil::date, tz::TimeZone};

    use super::*;
    use crate::{
        policy::{
            audience::Level,
            calendar::Calendars,
            schedule::{During, Hours, Slot, Weekdays, parse_time},
        },
        testing,
    };

    fn audience(block: &str) -> Audience {
        let mut profile = filter_core::Profile::custom(block);
        profile.block.insert(block.into());
        Audience::plain(Level::new(testing::filter().bind(&profile).unwrap()))
    }

    fn moment(day: i8, hour: i8, minute: i8) -> Timestamp {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        date(2026, 11, day).at(hour, minute, 0, 0).to_zoned(paris).unwrap().timestamp()
    }

    /// Lessons from Monday to Friday; everything is asked minute by minute of what was worked out on
    /// the first day, and of plans that were renewed whenever they were due.
    #[test]
    fn a_plan_is_its_schedule() {
        let schedule = Schedule {
            time_zone: TimeZone::get("Europe/Paris").unwrap(),
            default: 0,
            slots: vec![Slot {
                hours: Hours {
                    days: Weekdays::parse(["mon-fri"]).unwrap(),
                    from: parse_time("08:30").unwrap(),
                    to: parse_time("16:30").unwrap(),
                    during: During::Term,
                },
                profile: 1,
            }],
            exceptions: Vec::new(),
        };
        let calendar = Calendars::shipped().get("C").unwrap().clone();
        let audiences = vec![audience("porn"), audience("ads")];
        let start = moment(2, 0, 0);
        let mut plan = Plan::scheduled(schedule.clone(), calendar.clone(), audiences, start);
        let (mut renewed, mut passing, mut now) = (0, 0, start);
        while now < moment(29, 0, 0) {
            if plan.is_due(now) {
                plan = plan.worked_out(now);
                renewed += 1;
            }
            let held = plan.at(now);
            assert_eq!(held.is_passing, schedule.at(&calendar, now) == 1, "{now}");
            let until = held.until.unwrap();
            assert!(now < until);
            let last = until.saturating_sub(SignedDuration::from_secs(1)).unwrap();
            assert_eq!(plan.at(last).is_passing, held.is_passing, "{now} to {last}");
            passing += u32::from(held.is_passing);
            now = now.saturating_add(SignedDuration::from_mins(1)).unwrap();
        }
        // Four weeks of five days of eight hours, less Armistice day.
        assert_eq!((renewed, passing), (3, 19 * 8 * 60));
        // A clock that was put back.
        assert!(!plan.at(start).is_passing && plan.is_due(start));
        assert!(plan.worked_out(start).at(moment(2, 9, 0)).is_passing);
    }

    #[test]
    fn no_schedule_never_changes() {
        let plan = Plan::always(audience("porn"));
        for now in [Timestamp::MIN, moment(2, 9, 0), Timestamp::MAX] {
            let held = plan.at(now);
            assert!(held.until.is_none() && !held.is_passing && !plan.is_due(now));
        }
    }
}
