//! The colours and the style of every drawing and page, for light and for dark.
//!
//! The first eight series colours keep the hues of Okabe and Ito's colour-blind-safe palette
//! ("Color Universal Design", 2008). Its light tones vanish on white and its black vanishes on a dark page, so each hue
//! has a tone for either background; violet and crimson are our two additions for ten classes. The tests measure
//! contrast with the background and the distances that people with protanopia and deuteranopia are left with.

/// One named colour and its tone on either background, as `#RRGGBB`.
pub struct Colour {
    /// The name of the CSS custom property, without the dashes.
    pub name: &'static str,
    /// The tone on a light background.
    pub light: &'static str,
    /// The tone on a dark background.
    pub dark: &'static str,
}

const fn colour(name: &'static str, light: &'static str, dark: &'static str) -> Colour {
    Colour { name, light, dark }
}

/// How many series or classes have a colour of their own.
pub const SERIES: usize = 10;

/// Series colours first, then the roles: background, text, quieter text, thin lines, panels, passed, missed.
pub const COLOURS: [Colour; SERIES + 8] = [
    colour("c0", "#0072B2", "#2F86D0"), // blue
    colour("c1", "#D55E00", "#D55E00"), // vermillion
    colour("c2", "#009E73", "#009E73"), // bluish green
    colour("c3", "#C673A3", "#CC79A7"), // reddish purple
    colour("c4", "#7A4A00", "#E69F00"), // orange
    colour("c5", "#3C96E0", "#8CCBF5"), // sky blue
    colour("c6", "#394200", "#F0E442"), // yellow
    colour("c7", "#000000", "#FFFFFF"), // black
    colour("c8", "#5A28B8", "#7A5FE0"), // violet
    colour("c9", "#A02050", "#9A5B45"), // crimson
    colour("background", "#FFFFFF", "#15181C"),
    colour("text", "#1B1F24", "#E8EAED"),
    colour("quiet", "#5B636D", "#A3ABB5"),
    colour("rule", "#DFE3E8", "#333A42"),
    colour("panel", "#F5F7F9", "#1E2329"),
    colour("accent", "#00598C", "#7FC4F5"),
    colour("passed", "#0B6E4F", "#4CC99A"),
    colour("missed", "#B23A00", "#FF9457"),
];

/// The fonts of text, and of columns and consoles.
const FONTS: &str = "--sans:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Liberation Sans',Arial,sans-serif;\
                     --mono:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

/// Widest container (in CSS pixels) for which a drawing's text has this size (in user units); the last one is the rest.
/// A drawing is 480 units wide, so that text comes out between 10 and 14 pixels from a phone to a wide page.
const TEXT_SIZES: [(f64, f64); 4] = [(400.0, LARGEST_TEXT), (480.0, 12.8), (560.0, 11.2), (f64::INFINITY, 9.6)];

/// The size to leave room for.
pub const LARGEST_TEXT: f64 = 14.8;

/// The colour of series or class `index`; past [`SERIES`] they come round again, with other marker shapes.
pub fn series_class(index: usize) -> String {
    format!("c{}", index % SERIES)
}

/// The rules of drawings, in terms of custom properties.
fn rules() -> String {
    let mut css = String::from(
        ".chart{font-family:var(--sans);font-variant-numeric:tabular-nums}\n\
         .chart text{fill:var(--text);font-size:var(--text-size)}\n\
         .chart .quiet{fill:var(--quiet)}\n\
         .chart .strong{font-weight:600}\n\
         .chart .halo{paint-order:stroke;stroke:var(--background);stroke-width:3px;stroke-linejoin:round}\n\
         .chart .on-fill{fill:var(--background)}\n\
         .chart .grid,.chart .reference,.chart .axis,.chart .leader{vector-effect:non-scaling-stroke}\n\
         .chart .grid{stroke:var(--rule);stroke-width:1px}\n\
         .chart .axis{stroke:var(--quiet);stroke-width:1px;fill:none}\n\
         .chart .reference{stroke:var(--quiet);stroke-width:1.5px;stroke-dasharray:5 4}\n\
         .chart .contour{stroke:var(--text);stroke-width:2px;fill:none;vector-effect:non-scaling-stroke;\
         stroke-linejoin:round}\n\
         .chart .frame{fill:none;stroke:var(--rule);stroke-width:1px;vector-effect:non-scaling-stroke}\n\
         .chart .background{fill:var(--background)}\n\
         .chart .right{fill:var(--accent)}\n\
         .chart .wrong{fill:var(--c1)}\n\
         .chart .curve{fill:none;stroke-width:2px;stroke-linejoin:round;stroke-linecap:round;\
         vector-effect:non-scaling-stroke}\n\
         .chart .dashed{stroke-dasharray:6 4;stroke-linecap:butt}\n\
         .chart .leader{stroke:var(--quiet);stroke-width:1px;stroke-dasharray:1 3;fill:none}\n\
         .chart .outline{stroke:var(--background);stroke-width:1px}\n\
         .chart .bad{stroke:var(--missed);stroke-width:2px;fill:none;vector-effect:non-scaling-stroke}\n\
         .chart .pixels{image-rendering:pixelated}\n\
         .chart .smooth{image-rendering:auto}\n",
    );
    for index in 0..SERIES {
        css.push_str(&format!(
            ".chart .c{index}{{fill:var(--c{index})}}.chart .curve.c{index}{{fill:none;stroke:var(--c{index})}}\n"
        ));
    }
    css
}

/// `--c0:#…;--c1:#…` for one background.
fn properties(tone: fn(&Colour) -> &'static str) -> String {
    COLOURS.iter().map(|c| format!("--{}:{};", c.name, tone(c))).collect()
}

/// The text sizes as a chain of queries, widest first so that later, narrower ones win.
fn text_sizes(query: &str) -> String {
    let mut css = String::new();
    for (widest, size) in TEXT_SIZES.iter().rev() {
        match widest.is_finite() {
            true => css.push_str(&format!("{query} (max-width:{widest}px){{.chart{{--text-size:{size}px}}}}\n")),
            false => css.push_str(&format!(".chart{{--text-size:{size}px}}\n")),
        }
    }
    css
}

/// What a page puts in its style sheet: the properties for both backgrounds (paper is light) and the drawings' rules.
/// A drawing's text follows the width of the `.drawing` box around it.
pub fn page_style() -> String {
    format!(
        ":root{{color-scheme:light dark;{FONTS};{}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n\
         .drawing{{container-type:inline-size}}\n{}{}",
        properties(|c| c.light),
        properties(|c| c.dark),
        text_sizes("@container"),
        rules()
    )
}

/// What a drawing that stands alone carries. Colours are written out, because viewers that are not browsers often know
/// neither custom properties nor media queries: they then show the light drawing.
pub fn standalone_style() -> String {
    let written_out = |tone: fn(&Colour) -> &'static str| {
        COLOURS.iter().fold(rules(), |css, c| css.replace(&format!("var(--{})", c.name), tone(c)))
    };
    let fonts = FONTS.split(';').next().unwrap_or(FONTS).trim_start_matches("--sans:");
    let light = written_out(|c| c.light)
        .replace("var(--sans)", fonts)
        .replace("font-size:var(--text-size)", "font-size:11.2px;font-size:var(--text-size)");
    // Only the rules with a colour in them have to be said again.
    let dark = written_out(|c| c.dark);
    let dark = dark.lines().filter(|line| line.contains('#')).collect::<Vec<_>>().join("\n");
    let sizes = text_sizes("@media");
    format!("{light}{sizes}@media screen and (prefers-color-scheme:dark){{\n{dark}\n}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rgb = [f64; 3];

    /// sRGB to linear light.
    fn linear(hex: &str) -> Rgb {
        [1, 3, 5].map(|at| {
            let v = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn luminance([r, g, b]: Rgb) -> f64 {
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    /// WCAG 2's contrast ratio.
    fn contrast(a: Rgb, b: Rgb) -> f64 {
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    fn named(name: &str) -> &'static Colour {
        COLOURS.iter().find(|c| c.name == name).unwrap()
    }

    fn transform(matrix: [Rgb; 3], v: Rgb) -> Rgb {
        matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
    }

    /// Oklab (Björn Ottosson, 2020): distances in it are about even to the eye.
    fn oklab([r, g, b]: Rgb) -> Rgb {
        let l = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b).cbrt();
        let m = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b).cbrt();
        let s = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b).cbrt();
        [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    }

    #[test]
    fn marks_and_text_stand_out_on_both_backgrounds() {
        for tone in [|c: &Colour| c.light, |c: &Colour| c.dark] {
            let background = linear(tone(named("background")));
            for c in &COLOURS[..SERIES] {
                let ratio = contrast(linear(tone(c)), background);
                assert!(ratio >= 3.0, "{} has contrast {ratio:.2}", c.name);
            }
            for name in ["text", "quiet", "accent", "passed", "missed"] {
                for behind in ["background", "panel"] {
                    let ratio = contrast(linear(tone(named(name))), linear(tone(named(behind))));
                    assert!(ratio >= 4.5, "{name} on {behind} has contrast {ratio:.2}");
                }
            }
        }
    }

    /// Machado, Oliveira and Fernandes (2009), severity 1. Okabe and Ito's own palette scores 0.076 on this measure.
    #[test]
    fn series_differ_for_colour_blind_eyes() {
        let eyes = [
            ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
            (
                "protanopia",
                [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
            ),
            (
                "deuteranopia",
                [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
            ),
        ];
        for tone in [|c: &Colour| c.light, |c: &Colour| c.dark] {
            for (eye, matrix) in eyes {
                let seen: Vec<Rgb> =
                    COLOURS[..SERIES].iter().map(|c| oklab(transform(matrix, linear(tone(c))))).collect();
                for i in 0..SERIES {
                    for j in 0..i {
                        let distance = (0..3).map(|k| (seen[i][k] - seen[j][k]).powi(2)).sum::<f64>().sqrt();
                        assert!(distance > 0.055, "{eye}: c{i} and c{j} are {distance:.3} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn a_standalone_drawing_needs_no_colour_from_elsewhere() {
        let style = standalone_style();
        for c in &COLOURS {
            assert!(!style.contains(&format!("var(--{})", c.name)), "{} is not written out", c.name);
        }
        assert!(style.contains(named("text").light) && style.contains(named("text").dark));
    }

    /// A heat map's cell: the fill at an opacity over the background, in sRGB as browsers blend.
    #[test]
    fn counts_are_readable_on_every_shade() {
        use crate::chart::confusion::{on_fill, opacity};
        let bytes = |hex: &str| [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()));
        for tone in [|c: &Colour| c.light, |c: &Colour| c.dark] {
            for (fill, shares) in [("accent", 100), ("c1", 50)] {
                for share in 0..=shares {
                    let a = opacity(f64::from(share) / 100.0);
                    let (f, b) = (bytes(tone(named(fill))), bytes(tone(named("background"))));
                    let mixed = [0, 1, 2].map(|k| (a * f[k] + (1.0 - a) * b[k]).round() as u8);
                    let cell = linear(&format!("#{:02X}{:02X}{:02X}", mixed[0], mixed[1], mixed[2]));
                    let text = if on_fill(a) { "background" } else { "text" };
                    let ratio = contrast(linear(tone(named(text))), cell);
                    assert!(ratio >= 4.5, "{fill} at {a:.2} carries {text} with contrast {ratio:.2}");
                }
            }
        }
    }
}
