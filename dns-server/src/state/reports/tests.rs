//! What is counted together, how many there may be, and when they go.

use super::*;

fn report(name: &str, complaint: Complaint, group: Option<&str>, day: i8) -> Report {
    let day = Date::constant(2027, 3, day);
    Report {
        name: name.parse().unwrap(),
        complaint,
        group: group.map(str::to_owned),
        category: Some("games".into()),
        list: Some("ut1-games".into()),
        first: day,
        last: day,
        times: 1,
    }
}

fn told(reports: &Reports) -> Vec<String> {
    reports.iter().map(Report::to_string).collect()
}

#[test]
fn the_same_is_counted() {
    use Complaint::{Harmful, Harmless};
    let mut reports = Reports::default();
    reports.add(report("a.example", Harmless, Some("pupils"), 1)).unwrap();
    reports.add(report("a.example", Harmless, None, 1)).unwrap();
    reports.add(report("a.example", Harmful, Some("pupils"), 2)).unwrap();
    let later = Report { category: None, ..report("a.example", Harmless, Some("pupils"), 3) };
    reports.add(later).unwrap();
    let expected = [
        "a.example: refused, harmless, for pupils, ut1-games, 2 times, 2027-03-01 to 2027-03-03",
        "a.example: refused, harmless, games · ut1-games, once, 2027-03-01",
        "a.example: passes, harmful, for pupils, games · ut1-games, once, 2027-03-02",
    ];
    assert_eq!(told(&reports), expected);
    assert_eq!(reports.settle(&"b.example".parse().unwrap()), 0);
    assert_eq!(reports.settle(&"a.example".parse().unwrap()), 4);
    assert_eq!(reports, Reports::default());
}

#[test]
fn counts_saturate() {
    let mut reports = Reports::default();
    let one = report("a.example", Complaint::Needed, None, 1);
    reports.add(Report { times: u32::MAX, ..one.clone() }).unwrap();
    reports.add(one).unwrap();
    assert_eq!(reports.iter().next().unwrap().times, u32::MAX);
}

/// A flood of names fills one group's share, and pushes nothing out.
#[test]
fn there_is_a_most() {
    let mut reports = Reports::default();
    reports.add(report("first.example", Complaint::Needed, None, 1)).unwrap();
    let flood = |reports: &mut Reports, group: &str| {
        let name = |index| format!("n{index}.example");
        let mut add = |index| reports.add(report(&name(index), Complaint::Harmful, Some(group), 1));
        (0..Reports::MOST).filter(|index| add(*index).is_ok()).count()
    };
    assert_eq!(flood(&mut reports, "pupils"), Reports::MOST_OF_GROUP);
    reports.add(report("n7.example", Complaint::Harmful, Some("pupils"), 2)).unwrap();
    assert_eq!(flood(&mut reports, "others"), Reports::MOST_OF_GROUP);
    assert_eq!(flood(&mut reports, "more"), Reports::MOST_OF_GROUP);
    assert_eq!(flood(&mut reports, "last"), Reports::MOST - 1 - 3 * Reports::MOST_OF_GROUP);
    assert_eq!(reports.iter().len(), Reports::MOST);
    assert_eq!(reports.iter().next().unwrap().name.to_string(), "first.example");
}

#[test]
fn what_is_old_goes() {
    let week = Duration::from_secs(7 * 86_400);
    let mut reports = Reports::default();
    reports.add(report("a.example", Complaint::Needed, None, 1)).unwrap();
    reports.add(report("b.example", Complaint::Needed, None, 2)).unwrap();
    assert!(!reports.forget_old(Date::constant(2027, 3, 8), week));
    assert!(reports.forget_old(Date::constant(2027, 3, 9), week));
    assert_eq!(told(&reports).len(), 1);
    // The clock was ahead when they came.
    let kept = reports.iter().cloned().collect();
    let mut reports = Reports::kept(kept, Date::constant(2020, 1, 1));
    assert!(reports.forget_old(Date::constant(2020, 1, 9), week));
}

#[test]
fn words() {
    for complaint in Complaint::ALL {
        let word = complaint.word();
        assert_eq!(serde_json::to_string(&complaint).unwrap(), format!("\"{word}\""));
        assert_eq!(Complaint::of_word(word), Some(complaint));
    }
    assert_eq!(Complaint::of_word("Harmful"), None);
}
