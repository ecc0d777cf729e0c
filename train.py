"""Trains one U-Net and leaves a run directory.

python train.py upsample=transpose                          coastlines from space
python train.py upsample=nearest data=camvid                another operator, another data set
python train.py data=folder data.root=DIR                   your own images and masks
python train.py -m upsample=transpose,nearest seed=0,1,2    several runs, one after the other

Every key is explained in configs/, and by `python train.py --help`. The code is in
unetlite/commands/train.py: `unetlite train` does the same where only the package is installed.
"""

from unetlite.commands.train import main

if __name__ == "__main__":
    main()
