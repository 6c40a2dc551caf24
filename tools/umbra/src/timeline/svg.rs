//! Shapes of a picture in SVG, with nothing but what every viewer knows.

use std::fmt::Write;

/// A picture.
#[derive(Debug)]
pub struct Picture {
    body: String,
    width: f64,
    height: f64,
}

/// Where a text is anchored.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

impl Picture {
    /// An empty one, white, so that it can be read on any page.
    pub fn new(width: f64, height: f64) -> Self {
        let mut this = Self {
            body: String::new(),
            width,
            height,
        };
        this.bar((0.0, 0.0), (width, height), "#ffffff", "");
        this
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // A string takes everything.
        let _ = self.body.write_fmt(shape);
        self.body.push('\n');
    }

    /// A filled rectangle, with a text that viewers show under the pointer.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), fill: &str, title: &str) {
        let title = escaped(title);
        let width = width.max(0.0);
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"><title>{title}</title></rect>"
        ));
    }

    /// A line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: &str) {
        self.add(format_args!(
            "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{stroke}\" fill=\"none\"/>"
        ));
    }

    /// An area between points and the height `base`.
    pub fn area(&mut self, points: &[(f64, f64)], base: f64, fill: &str) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let mut path = format!("M{:.1} {base:.1}", first.0);
        for (x, y) in points {
            let _ = write!(path, "L{x:.1} {y:.1}");
        }
        let _ = write!(path, "L{:.1} {base:.1}Z", last.0);
        self.add(format_args!("<path d=\"{path}\" fill=\"{fill}\"/>"));
    }

    /// Many short upright lines, as one shape.
    pub fn ticks(&mut self, lines: &[(f64, f64, f64)], stroke: &str) {
        let mut path = String::new();
        for (x, from, to) in lines {
            let _ = write!(path, "M{x:.1} {from:.1}V{to:.1}");
        }
        self.add(format_args!(
            "<path d=\"{path}\" stroke=\"{stroke}\" stroke-width=\"1\" fill=\"none\"/>"
        ));
    }

    /// A text.
    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, size: u32, fill: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\" fill=\"{fill}\">{text}</text>"
        ));
    }

    /// The whole file.
    pub fn finish(self) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             font-family=\"sans-serif\">\n{}</svg>\n",
            self.body
        )
    }
}

/// Text that is no markup, whatever a name has in it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            character if character.is_control() => out.push('?'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_the_markup() {
        let mut picture = Picture::new(10.0, 10.0);
        picture.text((1.0, 1.0), Anchor::Start, 10, "#000", "<script>&\"\u{7}");
        let file = picture.finish();
        assert!(file.contains(">&lt;script&gt;&amp;&quot;?</text>"), "{file}");
    }
}
