//! Plots with logarithmic axes, as SVG: small panels side by side.

use std::fmt;

/// A picture of panels.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    /// The headline.
    pub title: String,
    /// Panels, row by row.
    pub panels: Vec<Panel>,
    /// How many panels stand side by side.
    pub columns: usize,
}

/// One pair of axes.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// What the panel shows.
    pub title: String,
    /// What is on the horizontal axis.
    pub x: String,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// One line of a panel. Points that are not above zero have no place on a logarithmic axis and are
/// left out.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Its name in the legend.
    pub name: String,
    /// Its colour, as CSS knows colours.
    pub color: &'static str,
    /// Whether it is dashed.
    pub dashed: bool,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 250.0;
/// Room around a panel's axes: left, top, right, bottom.
const ROOM: (f64, f64, f64, f64) = (52.0, 48.0, 12.0, 38.0);
const TOP: f64 = 34.0;

impl fmt::Display for Plot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.max(1);
        let rows = self.panels.len().div_ceil(columns);
        let (width, height) = (WIDTH * number(columns), TOP + HEIGHT * number(rows));
        writeln!(
            f,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#222\">"
        )?;
        writeln!(f, "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>")?;
        let title = escaped(&self.title);
        writeln!(f, "<text x=\"12\" y=\"22\" font-size=\"15\">{title}</text>")?;
        for (index, panel) in self.panels.iter().enumerate() {
            let left = WIDTH * number(index % columns);
            let top = TOP + HEIGHT * number(index / columns);
            writeln!(f, "<g transform=\"translate({left} {top})\">")?;
            panel.draw(f)?;
            writeln!(f, "</g>")?;
        }
        writeln!(f, "</svg>")
    }
}

impl Panel {
    fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, top, right, bottom) = ROOM;
        let points = self.lines.iter().flat_map(Line::places);
        let (xs, ys): (Vec<_>, Vec<_>) = points.unzip();
        writeln!(
            f,
            "<text x=\"{left}\" y=\"16\" font-weight=\"bold\">{}</text>",
            escaped(&self.title)
        )?;
        let (Some(x), Some(y)) = (
            Axis::over(&xs, (left, WIDTH - right)),
            Axis::over(&ys, (HEIGHT - bottom, top)),
        ) else {
            return writeln!(f, "<text x=\"{left}\" y=\"{top}\">no figures</text>");
        };
        for decade in x.decades() {
            let at = x.place(decade);
            let (low, label) = (HEIGHT - bottom, short(decade));
            grid(f, (at, top), (at, low))?;
            let below = low + 14.0;
            writeln!(
                f,
                "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{label}</text>"
            )?;
        }
        for decade in y.decades() {
            let at = y.place(decade);
            grid(f, (left, at), (WIDTH - right, at))?;
            let (beside, middle) = (left - 5.0, at + 4.0);
            writeln!(
                f,
                "<text x=\"{beside}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
                short(decade)
            )?;
        }
        writeln!(
            f,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(left, WIDTH - right),
            HEIGHT - 8.0,
            escaped(&self.x)
        )?;
        let mut legend = left;
        for line in &self.lines {
            line.draw(f, &x, &y)?;
            legend = line.name_at(f, legend)?;
        }
        Ok(())
    }
}

impl Line {
    /// Where its points lie, in powers of ten.
    fn places(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let points = self.points.iter().copied();
        let drawn = points.filter(|(x, y)| *x > 0.0 && *y > 0.0);
        drawn.map(|(x, y)| (x.log10(), y.log10()))
    }

    fn draw(&self, f: &mut fmt::Formatter<'_>, x: &Axis, y: &Axis) -> fmt::Result {
        let places = self.places().map(|(px, py)| (x.place(px), y.place(py)));
        let places: Vec<_> = places.collect();
        let path = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
        writeln!(
            f,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"{}/>",
            path.collect::<Vec<_>>().join(" "),
            self.color,
            self.dashes()
        )?;
        for (x, y) in places {
            let color = self.color;
            writeln!(
                f,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.6\" fill=\"{color}\"/>"
            )?;
        }
        Ok(())
    }

    /// Its entry in the legend; returns where the next one begins.
    fn name_at(&self, f: &mut fmt::Formatter<'_>, left: f64) -> Result<f64, fmt::Error> {
        let end = left + 20.0;
        writeln!(
            f,
            "<line x1=\"{left:.1}\" y1=\"29\" x2=\"{end:.1}\" y2=\"29\" stroke=\"{}\" stroke-width=\"1.8\"{}/>",
            self.color,
            self.dashes()
        )?;
        let text = end + 4.0;
        writeln!(
            f,
            "<text x=\"{text:.1}\" y=\"33\">{}</text>",
            escaped(&self.name)
        )?;
        Ok(text + 10.0 + 6.0 * number(self.name.chars().count()))
    }

    fn dashes(&self) -> &'static str {
        if self.dashed {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        }
    }
}

/// A logarithmic axis over whole decades.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis over `values`, powers of ten, drawn between two places; `None` without values.
    fn over(values: &[f64], (from, to): (f64, f64)) -> Option<Self> {
        let low = values.iter().copied().min_by(f64::total_cmp)?.floor();
        let high = values.iter().copied().max_by(f64::total_cmp)?.ceil();
        let high = high.max(low + 1.0);
        Some(Self {
            low,
            high,
            from,
            to,
        })
    }

    fn place(&self, power: f64) -> f64 {
        let part = (power - self.low) / (self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    fn decades(&self) -> impl Iterator<Item = f64> + use<> {
        let (low, high) = (self.low, self.high);
        (0_u8..=40)
            .map(move |step| low + f64::from(step))
            .take_while(move |decade| *decade <= high)
    }
}

fn grid(f: &mut fmt::Formatter<'_>, from: (f64, f64), to: (f64, f64)) -> fmt::Result {
    writeln!(
        f,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ddd\"/>",
        from.0, from.1, to.0, to.1
    )
}

/// A power of ten as people write it: 10, 1k, 10M.
fn short(power: f64) -> String {
    let value = 10_f64.powf(power);
    match power {
        power if power >= 9.0 => format!("{:.0}G", value / 1e9),
        power if power >= 6.0 => format!("{:.0}M", value / 1e6),
        power if power >= 3.0 => format!("{:.0}k", value / 1e3),
        power if power >= 0.0 => format!("{value:.0}"),
        _ => format!("{value}"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[allow(clippy::cast_precision_loss)]
fn number(count: usize) -> f64 {
    // Counts of panels and letters.
    count as f64
}

#[cfg(test)]
mod tests;
