//! The tables' main figures as bars (SVG): a row for each contender, a panel for each figure.

use std::fmt::Write as _;

const ROW: f64 = 22.0;
const PANEL_WIDTH: f64 = 250.0;
const NAMES_WIDTH: f64 = 150.0;
const HEAD: f64 = 46.0;
/// Space for a bar's number.
const NUMBER: f64 = 62.0;

/// One figure of all contenders, in the order of their names.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Kind.
    pub title: String,
    /// Its unit.
    pub unit: &'static str,
    /// Its promised bound.
    pub most: Option<f64>,
    /// `None` where it was not measured.
    pub values: Vec<Option<f64>>,
}

/// Draws the panels beside each other, names on the left.
pub fn svg(names: &[&str], panels: &[Panel]) -> String {
    let width = NAMES_WIDTH + panels.len() as f64 * PANEL_WIDTH;
    let height = HEAD + names.len() as f64 * ROW + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>text {{ fill: #24292f }} .title {{ font-weight: bold }} .bar {{ fill: #7a8b99 }} .own {{ fill: #2f7d5b }} .most {{ stroke: #b3402e }} @media (prefers-color-scheme: dark) {{ text {{ fill: #d0d7de }} }}</style>\n"
    );
    for (row, name) in names.iter().enumerate() {
        let y = HEAD + row as f64 * ROW + 15.0;
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            NAMES_WIDTH - 10.0,
            escape(name)
        );
    }
    for (column, panel) in panels.iter().enumerate() {
        draw(&mut svg, names, panel, NAMES_WIDTH + column as f64 * PANEL_WIDTH);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, names: &[&str], panel: &Panel, left: f64) {
    let Panel { title, unit, most, .. } = panel;
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{left}\" y=\"18\">{}</text>\n<text x=\"{left}\" y=\"34\">{unit}</text>",
        escape(title)
    );
    let largest = panel
        .values
        .iter()
        .flatten()
        .copied()
        .fold(most.unwrap_or(0.0), f64::max);
    let scale = (PANEL_WIDTH - NUMBER) / largest.max(f64::MIN_POSITIVE);
    for (row, (value, name)) in panel.values.iter().zip(names).enumerate() {
        let Some(value) = value else { continue };
        let (y, length) = (HEAD + row as f64 * ROW, (value * scale).max(1.0));
        let class = if name.starts_with("forwarder") { "own" } else { "bar" };
        let digits = if *value < 100.0 { 2 } else { 0 };
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\"/><text x=\"{:.1}\" y=\"{}\">{value:.digits$}</text>",
            y + 3.0,
            ROW - 6.0,
            left + length + 4.0,
            y + 15.0,
        );
    }
    if let Some(most) = most {
        let x = left + most * scale;
        let bottom = HEAD + names.len() as f64 * ROW;
        let _ = writeln!(
            svg,
            "<line class=\"most\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{HEAD}\" y2=\"{bottom}\" stroke-dasharray=\"3 3\"/>"
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_figures_and_what_was_not_measured_has_none() {
        let panel = Panel {
            title: "exec → next".into(),
            unit: "ms",
            most: Some(4.0),
            values: vec![Some(1.0), Some(2.0), None],
        };
        let svg = svg(&["bare", "forwarder", "<other>"], &[panel]);
        let widths: Vec<&str> = svg
            .lines()
            .filter_map(|line| line.split("width=\"").nth(1).filter(|_| line.starts_with("<rect")))
            .collect();
        assert_eq!(widths.len(), 2, "{svg}");
        assert!(
            widths[0].starts_with("47.0") && widths[1].starts_with("94.0"),
            "{widths:?}"
        );
        assert!(svg.contains("&lt;other&gt;") && svg.contains("x1=\"338.0\""), "{svg}");
    }
}
