"""The plot of scripts/never-slower is an SVG that shows what it is given."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import interval_plot

SVG = "{http://www.w3.org/2000/svg}"


def draw(panels):
    return xml.etree.ElementTree.fromstring(interval_plot.draw("title", "streams", panels, [0.98, 1.0]))


class IntervalPlotTest(unittest.TestCase):
    def test_shows_every_point_and_the_intervals_there_are(self):
        series = {"a < b": [(1, 1.5, 1.4, 1.6), (2, 1.2, None, None)], "c": [(1, 1.0, 0.9, 1.1), (2, 0.99, 0.98, 1.0)]}
        root = draw({"greedy": series, "T = 1": series})
        self.assertEqual(len(root.findall(f"{SVG}circle")), 8)
        thick = [line for line in root.findall(f"{SVG}line") if line.get("stroke-width") == "2"]
        self.assertEqual(len(thick), 6)
        texts = [text.text for text in root.findall(f"{SVG}text")]
        for name in ("title", "streams", "greedy", "T = 1", "a < b", "c", "1", "2"):
            self.assertIn(name, texts)

    def test_greater_values_are_higher_up_and_all_are_inside(self):
        root = draw({"p": {"s": [(1, 0.5, 0.4, 0.6), (2, 1.0, 0.9, 1.1), (4, 2.0, 1.9, 2.1)]}})
        heights = [float(circle.get("cy")) for circle in root.findall(f"{SVG}circle")]
        self.assertEqual(heights, sorted(heights, reverse=True))
        top, bottom = interval_plot.TOP, interval_plot.TOP + interval_plot.HEIGHT
        for line in root.findall(f"{SVG}line"):
            for end in ("y1", "y2"):
                self.assertTrue(top <= float(line.get(end)) <= bottom)

    def test_a_single_point(self):
        self.assertEqual(len(draw({"p": {"s": [(1, 1.0, None, None)]}}).findall(f"{SVG}circle")), 1)


if __name__ == "__main__":
    unittest.main()
