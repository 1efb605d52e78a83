use super::*;

fn plot(points: &[(f64, f64)]) -> String {
    let line = Line {
        name: "ours & <theirs>".to_owned(),
        color: "teal",
        dashed: true,
        points: points.to_vec(),
    };
    let panel = Panel {
        title: "calls/s".to_owned(),
        x: "servers".to_owned(),
        lines: vec![line],
    };
    let plot = Plot {
        title: "Scale".to_owned(),
        panels: vec![panel],
        columns: 2,
    };
    plot.to_string()
}

#[test]
fn axes_have_whole_decades_and_points_their_places() {
    let svg = plot(&[(1.0, 20.0), (1000.0, 20_000.0)]);
    for label in [">1<", ">10<", ">100<", ">1k<", ">10k<", ">100k<"] {
        assert!(svg.contains(label), "{label} in {svg}");
    }
    assert_eq!(svg.matches("<circle").count(), 2);
    assert!(svg.contains("stroke-dasharray"));
    assert!(svg.contains("ours &amp; &lt;theirs>"), "{svg}");
}

#[test]
fn what_has_no_logarithm_is_left_out() {
    let svg = plot(&[(1.0, 0.0), (10.0, 5.0)]);
    assert_eq!(svg.matches("<circle").count(), 1);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn a_panel_without_figures_says_so() {
    assert!(plot(&[]).contains("no figures"));
}

#[test]
fn one_value_has_an_axis_too() {
    assert_eq!(
        Axis::over(&[2.0], (0.0, 10.0)).unwrap().decades().count(),
        2
    );
}
