//! Pictures of figures, as SVG.

use std::fmt::Write as _;

use benches::record::Figures;

use crate::Sizes;

/// A picture.
pub(crate) struct Plot {
    /// Of its file.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) svg: String,
}

/// A line of a plot.
struct Series<'f> {
    name: &'f str,
    points: Vec<(usize, f64)>,
}

/// All that there are figures for.
pub(crate) fn all(figures: &Figures, sizes: &Sizes) -> Vec<Plot> {
    let lines = [
        ("verdict-listed", "A verdict on a listed name, ns of CPU", "listed, ns"),
        ("verdict-unlisted", "A verdict on an unlisted name, ns of CPU", "unlisted, ns"),
        ("octets", "What an engine holds, octets a name", "octets a name"),
        ("open", "A bundle opened and verified, ms of CPU", "open, ms"),
    ];
    let bars = [
        ("refused", "A refused answer, µs of CPU: the server's own + the kernel's"),
        ("cached", "A cached answer, µs of CPU: the server's own + the kernel's"),
    ];
    let lines = lines.into_iter().filter_map(|(name, title, what)| {
        let mut series: Vec<_> = figures
            .series(what)
            .into_iter()
            .map(|(name, points)| Series { name, points })
            .collect();
        if what == "octets a name" {
            with_larger_bundles(&mut series, figures);
        }
        let svg = lines_over_names(title, &series)?;
        Some(Plot { name, title: title.into(), svg })
    });
    let bars = bars.into_iter().filter_map(|(name, title)| {
        let [user, system] = ["user", "system"].map(|part| {
            let mut series = figures.series(&format!("{name}, {part} µs"));
            series.retain(|_, points| points.iter().any(|(names, _)| *names == sizes.main));
            series
        });
        let of = |points: &[(usize, f64)]| {
            points.iter().find(|(names, _)| *names == sizes.main).map_or(0.0, |point| point.1)
        };
        let mut rows: Vec<_> = user
            .into_iter()
            .map(|(server, user)| (server, [of(&user), system.get(server).map_or(0.0, |s| of(s))]))
            .collect();
        rows.sort_by(|(_, one), (_, other)| (one[0] + one[1]).total_cmp(&(other[0] + other[1])));
        let svg = stacked_bars(title, &rows)?;
        Some(Plot { name, title: title.into(), svg })
    });
    lines.chain(bars).collect()
}

/// The bundle was built at more sizes than peers were loaded at.
fn with_larger_bundles<'f>(series: &mut Vec<Series<'f>>, figures: &'f Figures) {
    let bundles = figures.series("bundle, octets a name");
    series.retain(|series| !bundles.contains_key(series.name));
    series.extend(bundles.into_iter().map(|(name, points)| Series { name, points }));
}

const COLOURS: [&str; 9] = [
    "#1b6ca8", "#d1495b", "#2e8b57", "#e0a100", "#7b4fa3", "#444444", "#00a6a6", "#b35c1e",
    "#8aa000",
];

/// A picture's head, with its title.
fn head(title: &str, [width, height]: [f64; 2]) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{}</text>\n",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Cost against the number of names, both on logarithmic scales; nothing of fewer than two sizes.
fn lines_over_names(title: &str, series: &[Series<'_>]) -> Option<String> {
    let [left, top, wide, high]: [f64; 4] = [60.0, 44.0, 520.0, 300.0];
    let points = || series.iter().flat_map(|series| &series.points);
    let names = Scale::over(points().map(|point| point.0 as f64))?;
    let costs = Scale::over(points().map(|point| point.1))?;
    if points().all(|point| Some(point.0) == points().next().map(|first| first.0)) {
        return None;
    }
    let x = |value: f64| left + names.place(value) * wide;
    let y = |value: f64| top + (1.0 - costs.place(value)) * high;

    let mut svg = head(title, [860.0, top + high + 46.0]);
    for tick in names.ticks() {
        let _ = writeln!(
            svg,
            "<line x1=\"{0:.1}\" y1=\"{top}\" x2=\"{0:.1}\" y2=\"{1}\" stroke=\"#e6e6e6\"/>\
             <text x=\"{0:.1}\" y=\"{2}\" text-anchor=\"middle\">{3}</text>",
            x(tick),
            top + high,
            top + high + 18.0,
            short(tick)
        );
    }
    for tick in costs.ticks() {
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{0:.1}\" x2=\"{1}\" y2=\"{0:.1}\" stroke=\"#e6e6e6\"/>\
             <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
            y(tick),
            left + wide,
            left - 6.0,
            y(tick) + 4.0,
            short(tick)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">names listed</text>",
        left + wide / 2.0,
        top + high + 38.0
    );
    // The legend in the order of the lines' ends.
    let mut by_end: Vec<_> = series.iter().zip(COLOURS.iter().cycle()).collect();
    let end = |series: &Series<'_>| series.points.last().map_or(0.0, |point| point.1);
    by_end.sort_by(|(one, _), (other, _)| end(other).total_cmp(&end(one)));
    for (place, (series, colour)) in by_end.into_iter().enumerate() {
        let shown: Vec<_> = series
            .points
            .iter()
            .map(|&(names, cost)| format!("{:.1},{:.1}", x(names as f64), y(cost)))
            .collect();
        let row = top + 10.0 + place as f64 * 22.0;
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            shown.join(" ")
        );
        for point in &shown {
            let (x, y) = point.split_once(',').unwrap_or_default();
            let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let _ = writeln!(
            svg,
            "<rect x=\"{0}\" y=\"{1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{2}\" y=\"{3}\">{4}</text>",
            left + wide + 18.0,
            row - 6.0,
            left + wide + 38.0,
            row,
            escaped(series.name)
        );
    }
    Some(svg + "</svg>\n")
}

/// A logarithmic scale.
struct Scale {
    min: f64,
    max: f64,
}

impl Scale {
    /// Of positive values, with some room around them.
    fn over(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (min, max) = values
            .filter(|value| *value > 0.0)
            .fold((f64::INFINITY, 0.0), |(min, max): (f64, f64), value| {
                (min.min(value), max.max(value))
            });
        (min <= max).then_some(Self { min: min * 0.8, max: max * 1.25 })
    }

    /// From 0 to 1.
    fn place(&self, value: f64) -> f64 {
        (value / self.min).ln() / (self.max / self.min).ln()
    }

    /// 1, 2 and 5 times the powers of ten; of many powers, these alone.
    fn ticks(&self) -> Vec<f64> {
        let decades = (self.max / self.min).log10();
        let steps: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = self.min.log10().floor() as i32..=self.max.log10().ceil() as i32;
        powers
            .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
            .filter(|tick| (self.min..=self.max).contains(tick))
            .collect()
    }
}

/// As `20 M`, `500 k`, `0.2`.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{} M", value / 1e6),
        1e3.. => format!("{} k", value / 1e3),
        // A power of ten is not exact below 1.
        _ => format!("{}", (value * 1e6).round() / 1e6),
    }
}

/// Two parts each, one after the other.
fn stacked_bars(title: &str, rows: &[(&str, [f64; 2])]) -> Option<String> {
    let [left, top, wide, high]: [f64; 4] = [220.0, 36.0, 520.0, 26.0];
    let most = rows.iter().map(|(_, parts)| parts[0] + parts[1]).reduce(f64::max)?;
    let mut svg = head(title, [860.0, top + 12.0 + rows.len() as f64 * high]);
    for (place, (name, parts)) in rows.iter().enumerate() {
        let row = top + place as f64 * high;
        let [first, second] = parts.map(|part| part / most * wide);
        let _ = writeln!(
            svg,
            "<text x=\"{0}\" y=\"{1}\" text-anchor=\"end\">{2}</text>\
             <rect x=\"{left}\" y=\"{row}\" width=\"{first:.1}\" height=\"18\" fill=\"#1b6ca8\"/>\
             <rect x=\"{3:.1}\" y=\"{row}\" width=\"{second:.1}\" height=\"18\" fill=\"#c9d6df\"/>\
             <text x=\"{4:.1}\" y=\"{1}\">{5:.1} + {6:.1}</text>",
            left - 8.0,
            row + 13.0,
            escaped(name),
            left + first,
            left + first + second + 6.0,
            parts[0],
            parts[1]
        );
    }
    Some(svg + "</svg>\n")
}
