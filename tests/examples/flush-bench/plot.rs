//! The figures as a picture: added time and age, both on logarithmic scales.

use std::fmt::Write;

use crate::measure::{PITCHES, Run, STRATEGIES, quantile};

const COLOURS: [&str; 3] = ["#d95f02", "#7570b3", "#1b9e77"];
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 330.0;
/// Top edge of the bars.
const TOP: f64 = 60.0;
const BOTTOM: f64 = 270.0;

/// One picture of bars.
struct Panel {
    title: &'static str,
    left: f64,
    /// Powers of ten of a millisecond at the bottom and at the top.
    scale: (f64, f64),
    value: fn(&Run) -> f64,
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "added to each invocation, median",
        left: 60.0,
        scale: (-2.0, 3.0),
        value: |run| quantile(&run.added, 0.5),
    },
    Panel {
        title: "age of a line on arrival, median",
        left: 430.0,
        scale: (0.0, 5.0),
        value: |run| quantile(&run.age, 0.5),
    },
];

pub(crate) fn svg(runs: &[Run]) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##
    );
    for panel in &PANELS {
        panel.draw(runs, &mut svg);
    }
    for (index, (strategy, colour)) in STRATEGIES.into_iter().zip(COLOURS).enumerate() {
        let x = 60.0 + index as f64 * 110.0;
        let y = HEIGHT - 20.0;
        let _ = write!(
            svg,
            r#"<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/><text x="{}" y="{}">{strategy}</text>"#,
            x + 18.0,
            y + 11.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel {
    fn draw(&self, runs: &[Run], svg: &mut String) {
        let Self { title, left, .. } = self;
        let _ = write!(svg, r#"<text x="{left}" y="30" font-weight="bold">{title}</text>"#);
        let (low, high) = (self.scale.0 as i32, self.scale.1 as i32);
        for power in low..=high {
            let y = self.height(10f64.powi(power));
            let label = match power {
                ..3 => format!("{} ms", 10f64.powi(power)),
                _ => format!("{} s", 10f64.powi(power - 3)),
            };
            let _ = write!(
                svg,
                r##"<line x1="{left}" x2="{}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end" fill="#666">{label}</text>"##,
                left + 290.0,
                left - 6.0,
                y + 4.0
            );
        }
        for (group, pitch) in PITCHES.into_iter().enumerate() {
            let x = left + 15.0 + group as f64 * 95.0;
            for (bar, run) in runs.iter().filter(|run| run.pitch == pitch.name).enumerate() {
                let y = self.height((self.value)(run));
                let _ = write!(
                    svg,
                    r#"<rect x="{}" y="{y:.1}" width="22" height="{:.1}" fill="{}"/>"#,
                    x + bar as f64 * 25.0,
                    (BOTTOM - y).max(1.0),
                    COLOURS[bar]
                );
            }
            let _ = write!(
                svg,
                r#"<text x="{}" y="{}" text-anchor="middle">{}</text>"#,
                x + 36.0,
                BOTTOM + 18.0,
                pitch.name
            );
        }
    }

    /// Position of a value in milliseconds.
    fn height(&self, ms: f64) -> f64 {
        let (low, high) = self.scale;
        let share = (ms.max(10f64.powf(low)).log10() - low) / (high - low);
        BOTTOM - share.clamp(0.0, 1.0) * (BOTTOM - TOP)
    }
}
