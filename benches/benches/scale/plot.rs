//! The plots: SVG, with logarithmic axes, so that a law is the slope of a line.

use crate::parts::{Everything, Found};
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::error::Error;
use std::fs;
use std::ops::Range;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/plots");
const SIZE: (u32, u32) = (900, 460);
/// Of the chart; the names of the lines are beside it.
const WIDTH: u32 = 650;
const FONT: &str = "sans-serif";
const COLORS: [RGBColor; 4] =
    [RGBColor(200, 60, 30), RGBColor(225, 150, 40), RGBColor(45, 110, 185), RGBColor(70, 150, 90)];

struct Plot<'a> {
    file: &'a str,
    title: &'a str,
    x: &'a str,
    y: &'a str,
}

/// # Errors
///
/// If a file can't be written.
pub fn all(found: &Everything) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(FOLDER)?;
    let threads = [
        ("threads-increment", "An increment of one counter by many threads", "processor time, ns", 0, 1.0),
        ("threads-memory", "Memory while all threads have recorded into 1,000 series", "resident, MB", 8, 1e-6),
        ("threads-find", "Finding one of 1,000 series by many threads, and adding to it", "processor time, ns", 5, 1.0),
        ("threads-scrape", "A scrape of 1,000 series while threads live", "ms", 6, 1e-6),
    ];
    for (file, title, y, column, factor) in threads {
        draw(&Plot { file, title, x: "threads", y }, &lines(&found.threads, column, factor), true)?;
    }
    let series = [
        ("series-find", "Finding one of many series at random, and adding to it", "ns", 3),
        ("series-heap", "Memory of a series", "live heap, bytes a series", 1),
        ("series-scrape", "A scrape, for each series", "ns a series", 4),
    ];
    for (file, title, y, column) in series {
        draw(&Plot { file, title, x: "series", y }, &lines(&found.series, column, 1.0), true)?;
    }
    let (title, y) = ("Finding one of 1,000 series, by the number of its labels", "ns");
    draw(&Plot { file: "labels-find", title, x: "labels", y }, &lines(&found.widths, 3, 1.0), false)?;
    let title = "Finding one of 1,000 series with two labels, by the length of their values";
    let x = "bytes a value";
    draw(&Plot { file: "lengths-find", title, x, y }, &lines(&found.lengths, 3, 1.0), true)
}

type Line = (&'static str, Vec<(f64, f64)>);

fn lines<const N: usize>(found: &[Found<[f64; N]>], column: usize, factor: f64) -> Vec<Line> {
    let points = |library| {
        let of_library = found.iter().filter(|found| found.library == library);
        of_library.map(|found| (found.size as f64, found.row[column] * factor)).collect()
    };
    crate::libraries::ALL.map(|library| (library, points(library))).into()
}

fn draw(plot: &Plot<'_>, lines: &[Line], by_factors: bool) -> Result<(), Box<dyn Error>> {
    let sizes = || lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.0));
    let (from, to) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    if by_factors {
        on::<WithKeyPoints<LogCoord<f64>>>(plot, lines, logarithmic(from * 0.9..to * 1.15))
    } else {
        on::<RangedCoordf64>(plot, lines, (from - 0.2..to + 0.2).into())
    }
}

fn on<X>(plot: &Plot<'_>, lines: &[Line], x: X) -> Result<(), Box<dyn Error>>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let path = format!("{FOLDER}/{}.svg", plot.file);
    let area = SVGBackend::new(&path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let area = area.margin(10, 4, 0, 0).titled(plot.title, (FONT, 20))?;
    let (left, right) = area.split_horizontally(WIDTH);
    let values = || lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let (from, to) = (values().fold(f64::INFINITY, f64::min) * 0.7, values().fold(0.0, f64::max) * 1.5);
    let mut chart = ChartBuilder::on(&left)
        .margin(12)
        .x_label_area_size(48)
        .y_label_area_size(76)
        .build_cartesian_2d(x, logarithmic(from..to))?;
    chart
        .configure_mesh()
        .bold_line_style(BLACK.mix(0.14))
        .light_line_style(BLACK.mix(0.05))
        .x_desc(plot.x)
        .y_desc(plot.y)
        .x_labels(7)
        .y_labels(12)
        .x_label_formatter(&short)
        .y_label_formatter(&short)
        .label_style((FONT, 14))
        .axis_desc_style((FONT, 15))
        .draw()?;
    let drawn = lines.iter().zip(COLORS).filter(|((_, points), _)| !points.is_empty());
    for (number, ((library, points), color)) in drawn.enumerate() {
        let points = || points.iter().copied();
        chart.draw_series(LineSeries::new(points(), color.stroke_width(2)))?;
        chart.draw_series(points().map(|point| Circle::new(point, 4, color.filled())))?;
        let y = 30 + 26 * number as i32;
        right.draw(&PathElement::new([(0, y), (20, y)], color.stroke_width(2)))?;
        right.draw(&Circle::new((10, y), 4, color.filled()))?;
        right.draw(&Text::new(library.replace('`', ""), (28, y - 6), (FONT, 14)))?;
    }
    area.present()?;
    Ok(())
}

/// A logarithmic axis, marked at 1, 2, 5, 10 and so on, or at tens alone where it is long.
fn logarithmic(range: Range<f64>) -> WithKeyPoints<LogCoord<f64>> {
    let long = range.end / range.start > 1e3;
    let all = (-3..8).flat_map(|tens| [1.0, 2.0, 5.0].map(|digit| (digit, digit * 10_f64.powi(tens))));
    let marks = all.filter(|(digit, mark)| range.contains(mark) && (!long || *digit == 1.0));
    let marks = marks.map(|(_, mark)| mark).collect();
    range.log_scale().with_key_points(marks)
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as it is called
fn short(number: &f64) -> String {
    match *number {
        number if number >= 1e6 => format!("{} M", number / 1e6),
        number if number >= 1e3 => format!("{} k", number / 1e3),
        number => format!("{}", (number * 1e3).round() / 1e3),
    }
}
