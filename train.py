"""Trains one U-Net and leaves a run directory.

python train.py upsample=transpose                          coastlines from space, a few minutes on a laptop
python train.py upsample=nearest data=camvid                another operator, another data set
python train.py data=folder data.root=DIR                   your own images and masks
python train.py -m upsample=transpose,nearest seed=0,1,2    several runs, one after the other

Every key is explained in configs/; `python train.py --help` shows the composed configuration. What happens stands in
unetlite/train.py, so that `unetlite train` does the same where only the package is installed.
"""

from unetlite.train import run

if __name__ == "__main__":
    run()
