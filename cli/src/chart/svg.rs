//! A tiny SVG builder: elements with escaped attributes and text, numbers with one decimal, and the two ways a drawing
//! is served, inside a page (which brings the style) or alone (with its own).

use std::fmt::Write;

use super::theme;

/// Escapes text for element content and for quoted attributes, and drops what XML cannot hold.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            // XML 1.0 has no way to write these, not even as references.
            c if c.is_control() || c == '\u{FFFE}' || c == '\u{FFFF}' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A coordinate with at most one decimal, a tenth of a unit being finer than a pixel.
pub fn number(value: f64) -> String {
    debug_assert!(value.is_finite(), "coordinates are finite, got {value}");
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    match (tenths.abs() / 10, tenths.abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (whole, tenth) => format!("{sign}{whole}.{tenth}"),
    }
}

/// Roughly how wide `text` is at font size `size`; errs on the wide side, because fonts differ.
pub fn text_width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.32,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '-' | '/' => 0.4,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
        c if c.is_ascii_digit() => 0.62,
        c if c.is_uppercase() => 0.7,
        c if "⁰¹²³⁴⁵⁶⁷⁸⁹⁻".contains(c) => 0.42,
        c if c as u32 > 0x2E80 => 1.0,
        _ => 0.6,
    };
    text.chars().map(em).sum::<f64>() * size
}

/// One element under construction: `Element::new("line").at("x1", 0.0).set("class", "grid")`.
pub struct Element {
    tag: &'static str,
    attributes: String,
    content: String,
}

impl Element {
    /// An empty element.
    pub fn new(tag: &'static str) -> Self {
        Element { tag, attributes: String::new(), content: String::new() }
    }

    /// Adds an attribute with a text value.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        write!(self.attributes, " {name}=\"{}\"", escape(value)).expect("writing to a string");
        self
    }

    /// Adds an attribute with a coordinate.
    pub fn at(self, name: &str, value: f64) -> Self {
        let value = number(value);
        self.set(name, &value)
    }

    /// Adds the `class` attribute, unless it is empty.
    pub fn class(self, class: &str) -> Self {
        if class.is_empty() { self } else { self.set("class", class) }
    }

    /// Appends text.
    pub fn text(mut self, text: &str) -> Self {
        self.content.push_str(&escape(text));
        self
    }

    /// Appends a child.
    pub fn child(mut self, child: Element) -> Self {
        child.render(&mut self.content);
        self
    }

    fn render(&self, out: &mut String) {
        let Element { tag, attributes, content } = self;
        match content.is_empty() {
            true => write!(out, "<{tag}{attributes}/>"),
            false => write!(out, "<{tag}{attributes}>{content}</{tag}>"),
        }
        .expect("writing to a string");
    }
}

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub enum Anchor {
    /// At its left end.
    Start,
    /// At its middle.
    Middle,
    /// At its right end.
    End,
}

/// A text element whose vertical middle, whatever its font size, is at `y`.
pub fn label(x: f64, y: f64, anchor: Anchor, class: &str, text: &str) -> Element {
    let anchor = match anchor {
        Anchor::Start => "start",
        Anchor::Middle => "middle",
        Anchor::End => "end",
    };
    Element::new("text").at("x", x).at("y", y).set("dy", ".34em").set("text-anchor", anchor).class(class).text(text)
}

/// A straight line.
pub fn line(x1: f64, y1: f64, x2: f64, y2: f64, class: &str) -> Element {
    Element::new("line").at("x1", x1).at("y1", y1).at("x2", x2).at("y2", y2).class(class)
}

/// A rectangle.
pub fn rect(x: f64, y: f64, width: f64, height: f64, class: &str) -> Element {
    Element::new("rect").at("x", x).at("y", y).at("width", width).at("height", height).class(class)
}

/// A drawing: its size in user units and its elements.
pub struct Svg {
    width: f64,
    height: f64,
    content: String,
}

impl Svg {
    /// An empty drawing.
    pub fn new(width: f64, height: f64) -> Self {
        Svg { width, height, content: String::new() }
    }

    /// Appends an element: later ones lie above earlier ones.
    pub fn push(&mut self, element: Element) {
        element.render(&mut self.content);
        self.content.push('\n');
    }

    /// The drawing for a page: no style of its own, scaled to the width it is given, `alt` for those who cannot see it.
    pub fn inline(&self, alt: &str) -> String {
        format!(
            "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            number(self.width),
            number(self.height),
            escape(alt),
            self.content
        )
    }

    /// The drawing as a file of its own: with a title, a margin, a background and the style for light and dark.
    pub fn standalone(&self, alt: &str) -> String {
        let margin = 16.0;
        let (width, height) = (self.width + 2.0 * margin, self.height + 2.0 * margin);
        let background = {
            let mut out = String::new();
            rect(-margin, -margin, width, height, "background").render(&mut out);
            out
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"{} {} {} {}\" width=\"{}\" height=\"{}\" \
             style=\"max-width:100%;height:auto\" role=\"img\">\n<title>{}</title>\n<style>\n{}</style>\n{background}\n{}</svg>\n",
            number(-margin),
            number(-margin),
            number(width),
            number(height),
            number(width * 1.5),
            number(height * 1.5),
            escape(alt),
            escape(&theme::standalone_style()),
            self.content
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    #[test]
    fn text_and_attributes_are_escaped() {
        let mut svg = Svg::new(10.0, 10.0);
        svg.push(label(0.0, 0.0, Anchor::Start, "a\"b", "x < y & \"z\" > \u{1}"));
        let inline = svg.inline("p < 0.5 & \"q\"");
        assert!(inline.contains("x &lt; y &amp; &quot;z&quot; &gt; \u{FFFD}"), "{inline}");
        assert!(inline.contains("class=\"a&quot;b\"") && inline.contains("p &lt; 0.5 &amp;"), "{inline}");
        assert_well_formed(&inline);
        assert_well_formed(&svg.standalone("<&\">"));
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in
            [(0.0, "0"), (-0.04, "0"), (1.25, "1.3"), (-0.05, "-0.1"), (12.0, "12"), (99.96, "100"), (-3.21, "-3.2")]
        {
            assert_eq!(number(value), text);
        }
    }
}
