"""Data sets of people who drive: EEG with driving events, and event logs without EEG."""

from __future__ import annotations

from b2m_drive.recordings.datasets.data_set import DataSet

CAO2019 = DataSet(
    name="cao2019",
    title="Cao et al. 2019: EEG of lane departures in a driving simulator",
    task="the car drifts and the driver corrects; 32 channels, 27 people, 62 sessions (EEGLAB)",
    citation="Cao, Chuang, King & Lin 2019, Scientific Data 6:19, doi 10.1038/s41597-019-0027-4",
    licence="see its page; not known here",
    page="https://figshare.com/articles/dataset/"
    "Multi-channel_EEG_recordings_during_a_sustained-attention_driving_task/6427334",
    fields={
        "251, 252": "the car begins to drift, left or right",
        "253": "the driver begins to correct",
        "254": "the driver has corrected",
    },
)
BNCI_2016_002 = DataSet(
    name="bnci_2016_002",
    title="BNCI 2016-002 (Haufe et al. 2011): EEG of emergency braking in a driving simulator",
    task="the car ahead brakes and the driver brakes; 59 EEG, 2 EOG, 1 EMG and 7 driving channels "
    "at 200 Hz (MATLAB 7.3)",
    citation="Haufe et al. 2011, doi 10.1088/1741-2560/8/5/056001",
    licence="CC BY-NC-ND: use it, pass on nothing that is made from it",
    page="http://bnci-horizon-2020.eu/database/data-sets",
)
DS004120 = DataSet(
    name="ds004120",
    title="OpenNeuro ds004120: driving with changes of speed, lane perturbations",
    task="30,903 lane perturbations with their steering correction, in event logs",
    citation="Touryan et al. 2014, doi 10.3389/fnins.2014.00155",
    licence="CC0",
    page="https://openneuro.org/datasets/ds004120",
    command=("pip install openneuro-py", "openneuro-py download --dataset=ds004120"),
    fields={
        "1111, 1112": "perturbation to the left begins, ends",
        "1121, 1122": "perturbation to the right begins, ends",
        "4311, 4312": "the driver begins, completes the correction",
        "4220, 4230": "the vehicle leaves the lane",
        "4421": "collision",
    },
)
DS004657 = DataSet(
    name="ds004657",
    title="OpenNeuro ds004657: driving with an autonomous aid",
    task="pedestrians, lateral forces, a lead vehicle that speeds up and slows down, autonomy on "
    "and off, in event logs",
    citation="doi 10.18112/openneuro.ds004657.v1.0.3",
    licence="CC0",
    page="https://openneuro.org/datasets/ds004657",
    command=("pip install openneuro-py", "openneuro-py download --dataset=ds004657"),
)
