"""Which variant is best, and what another can cost: pure functions of scores."""

from unetlite.judge.judgement import Judgement as Judgement
from unetlite.judge.judgement import judge as judge
