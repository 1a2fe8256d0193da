"""All named figures."""

from __future__ import annotations

from benchmarks import (
    chain,
    clean_clone,
    detector,
    film_speed,
    photos_brighton,
    plan_area,
    round_trips,
    srt_files,
)
from benchmarks.figures import Figure
from benchmarks.flying import plan_flown, transfers
from benchmarks.planning import city, corridor_tool, meanders, resume, sample

__all__ = ["FIGURES"]


def _all() -> list[Figure]:
    return [
        Figure("demo_minutes", "make demo from a clean clone, downloads included",
               "min", "at most", 10, 10, clean_clone.demo_minutes),
        Figure("test_minutes", "make test after it", "min", "at most", 15, 20,
               clean_clone.test_minutes),
        Figure("environment_mb", "size of .venv", "MB", "at most", 2500, 10,
               clean_clone.environment_mb),
        Figure("found_share", "planted violations found on the demo's world",
               "%", "at least", 70, 8, chain.found_share),
        Figure("false_alerts_per_km", "alerts without a cause, per river kilometre",
               "1/km", "at most", 2, 8, chain.false_alerts_per_km),
        Figure("position_error_m", "median position error of what was found",
               "m", "at most", 5, 8, chain.position_error_m),
        Figure("right_community_share", "found violations given to the right community",
               "%", "at least", 90, 8, chain.right_community_share),
        Figure("photos_located", "real photos of photos_brighton with a position on the ground",
               "photos", "at least", 18, 0.5, photos_brighton.located),
        Figure("photos_agreement_m", "median disagreement of overlapping real photos on the ground",
               "m", "at most", 8, 0.5, photos_brighton.agreement_m),
        Figure("photos_turned_share", "real photos rightly recognised as turned, or not",
               "%", "at least", 100, 0.5, photos_brighton.recognised),
        Figure("srt_failures", "DJI subtitles read wrongly or ending in a traceback, damaged too",
               "files", "at most", 0, 0.2, srt_files.failures),
        Figure("rivers_km_error", "how far the four centrelines are from 12.0 km together",
               "%", "at most", 1, 0.1, lambda seed: abs(plan_area.rivers_km(seed) / 12 - 1) * 100),
        Figure("coverage_share", "random places of the corridors that a planned lane sees",
               "%", "at least", 100, 0.2, plan_area.coverage_share),
        Figure("bank_coverage_share", "bank metres of the sample seen, by certificate",
               "%", "at least", 99.5, 1, sample.coverage_share),
        Figure("operating_min", "operating time of the sample, half the street's own at most",
               "min", "at most", 75, 1, sample.operating_min),
        Figure("bound_gap", "gap between that and its proven lower bound",
               "%", "at most", 10, 1, sample.bound_gap),
        Figure("meander_plans_wrong", "plans of 500 random rivers that break a rule",
               "plans", "at most", 0, 10, meanders.wrong_plans),
        Figure("city_minutes", "2,354 rivers, 5,750 km of routes, 61 docks: time to plan",
               "min", "at most", 10, 10, city.minutes),
        Figure("city_gb", "the same: most memory", "GB", "at most", 4, 10, city.gigabytes),
        Figure("city_exponent", "time against km over four sizes", "", "at most", 1.2, 18,
               city.exponent),
        Figure("minutes_saved", "against a corridor tool used by hand, sample and random areas",
               "%", "at least", 15, 6, corridor_tool.minutes_saved),
        Figure("round_trip_failures", "of 200 random plans in six formats, not the same again",
               "files", "at most", 0, 1, round_trips.failures),
        Figure("resume_uncovered", "of 200 sorties broken off, resumed with ground or rules lost",
               "cases", "at most", 0, 5, resume.wrong_resumes),
        Figure("cross_track_m", "95th percentile of the flown track from its lanes, wind 5 m/s",
               "m", "at most", 2, 0.5, plan_flown.cross_track_m),
        Figure("flight_speedup", "seconds of simulated flight in one second",
               "x", "at least", 10, 0.5, plan_flown.speedup),
        Figure("film_fps", "1080p frames rendered and encoded on one core",
               "frames/s", "at least", 8, 1, film_speed.measure),
        Figure("rendered_map50", "the detector on frames of an unseen world, mean AP50",
               "%", "at least", 60, 2, detector.rendered_map50),
        Figure("kampala_ap50", "the detector on real roofs of a place held out, AP50",
               "%", "at least", 30, 1, detector.kampala_ap50),
        Figure("jakarta_ap50", "the detector on real floating waste of a site held out, AP50",
               "%", "at least", 20, 2, detector.jakarta_ap50),
    ]  # fmt: skip


FIGURES: dict[str, Figure] = {figure.name: figure for figure in _all()}
